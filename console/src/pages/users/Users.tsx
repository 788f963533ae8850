/** The users of a project: found, sorted, chosen and worked on. */
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Route, useLocation, useSearch } from "wouter";
import { api, call } from "../../api/client";
import { usePlace, useProject } from "../../app/session";
import { titled, useParameter } from "../../kit/address";
import { Empty, ErrorState, Skeleton } from "../../kit/states";
import { Num } from "../../kit/values";
import { text } from "../../text/en";
import { UserDialog } from "../user/UserDialog";
import { Bulk } from "./Bulk";
import { atFirst, columnOf } from "./columns";
import { ColumnPicker } from "./ColumnPicker";
import { FilterBuilder } from "./FilterBuilder";
import { Exports } from "./Exports";
import { type Filter, readFilter, sentence, whoever } from "./filters";
import { MOST, useCount, useUsers } from "./list";
import { NewUser } from "./NewUser";
import { SaveSegment } from "./SaveSegment";
import "./users.css";
import { UserTable } from "./UserTable";

type Open = "filter" | "columns" | "new" | "save" | null;

export default function Users() {
  const { can } = usePlace();
  const [search, setSearch] = useParameter("search");
  const [segment, setSegment] = useParameter("segment");
  const [written, setFilter] = useParameter("filter");
  const [sort, setSort] = useParameter("sort");
  const [columnIds, setColumns] = useParameter("columns");
  const [exports, setExports] = useParameter("exports");
  const [open, setOpen] = useState<Open>(null);
  const [chosen, choose] = useState<ReadonlySet<string>>(new Set());
  const query = useSearch();
  const asked = useMemo(
    () => ({ search, segment, filter: written, sort: sort || "-lastActiveAt" }),
    [search, segment, written, sort],
  );
  const users = useUsers(asked);
  const count = useCount(asked);
  const kept = keptColumns();
  const columns = (columnIds ? columnIds.split(",") : kept).map(columnOf).filter((column) => column !== undefined);
  const filter = readFilter(written);
  const rows = users.data?.users ?? [];
  const { fetchNextPage, isFetchingNextPage } = users;
  const more = useCallback(() => {
    if (!isFetchingNextPage) void fetchNextPage();
  }, [fetchNextPage, isFetchingNextPage]);
  useEffect(() => {
    document.title = titled(text.users.title);
  }, []);
  useEffect(() => choose(new Set()), [asked]);
  const isNarrowed = !!(search || segment || written);

  return (
    <div className="page users">
      <div className="page-head">
        <h1>
          {text.users.title}{" "}
          <small className="muted" aria-live="polite">
            <Num value={count.data} />
          </small>
        </h1>
        {can("users:write") && (
          <button type="button" className="main" onClick={() => setOpen("new")}>
            {text.users.new}
          </button>
        )}
      </div>
      <Segments chosen={segment} choose={setSegment} />
      <div className="row tools">
        <Search key={search} search={search} find={setSearch} />
        <button type="button" onClick={() => setOpen("filter")} aria-pressed={!!filter}>
          {text.filters.title}
        </button>
        <button type="button" onClick={() => setOpen("columns")}>
          {text.users.columns}
        </button>
        <button type="button" onClick={() => setExports("open")}>
          {text.exports.open}
        </button>
      </div>
      {filter && (
        <div className="row filter-line">
          <p className="grow">{sentence(filter)}</p>
          {can("segments:write") && (
            <button type="button" onClick={() => setOpen("save")}>
              {text.users.saveSegment}
            </button>
          )}
          <button type="button" className="quiet" onClick={() => setFilter("")}>
            {text.filters.clear}
          </button>
        </div>
      )}
      {chosen.size > 0 && <Bulk ids={[...chosen]} clear={() => choose(new Set())} />}
      {users.isPending ? (
        <Skeleton lines={12} />
      ) : users.isError && rows.length === 0 ? (
        <ErrorState error={users.error} retry={users.refetch} />
      ) : rows.length === 0 ? (
        <Empty title={isNarrowed ? text.users.nobodyFound : text.users.nobody}>
          <p>{isNarrowed ? text.users.loosen : text.users.nobodyYet}</p>
          {isNarrowed && (
            <button type="button" onClick={() => (written ? setFilter("") : search ? setSearch("") : setSegment(""))}>
              {written ? text.filters.clear : search ? text.users.clearSearch : text.users.everyone}
            </button>
          )}
        </Empty>
      ) : (
        <UserTable
          users={rows}
          columns={columns}
          total={count.data ?? null}
          sort={asked.sort}
          setSort={setSort}
          more={more}
          hasMore={users.hasNextPage && rows.length < MOST}
          isStale={users.isPlaceholderData}
          chosen={chosen}
          choose={choose}
          hrefOf={(id) => `/${encodeURIComponent(id)}${query ? `?${query}` : ""}`}
        />
      )}
      {rows.length >= MOST && <p className="muted">{text.users.tooMany}</p>}
      {open === "filter" && (
        <FilterBuilder
          filter={filter}
          search={search}
          segment={segment}
          apply={(made: Filter | null) => {
            setFilter(made ? JSON.stringify(made) : "");
            setOpen(null);
          }}
          close={() => setOpen(null)}
        />
      )}
      {open === "columns" && (
        <ColumnPicker
          chosen={columns.map((column) => column.id)}
          sample={rows}
          apply={(ids) => {
            keepColumns(ids);
            setColumns(ids.join(","), { replace: true });
          }}
          close={() => setOpen(null)}
        />
      )}
      {exports && (
        <Exports
          ids={[...chosen]}
          whoever={whoever(filter, segment, search)}
          count={count.data ?? null}
          close={() => setExports("", { replace: true })}
        />
      )}
      {open === "new" && <NewUser close={() => setOpen(null)} />}
      {open === "save" && filter && <SaveSegment filter={filter} close={() => setOpen(null)} saved={setSegment} />}
      <Route path="/:id">{({ id }) => <Opened id={decodeURIComponent(id)} />}</Route>
    </div>
  );
}

function Opened({ id }: { id: string }) {
  const [, go] = useLocation();
  const query = new URLSearchParams(useSearch());
  query.delete("tab");
  const back = query.toString();
  return <UserDialog id={id} close={() => go(`/${back ? `?${back}` : ""}`)} />;
}

/** Enter or the button: the whole project is searched, not what is loaded. `/` gets here. */
function Search({ search, find }: { search: string; find: (search: string) => void }) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const look = (event: KeyboardEvent) => {
      if (event.key !== "/" || (event.target as HTMLElement).closest("input, textarea, select, dialog")) return;
      event.preventDefault();
      input.current?.focus();
    };
    addEventListener("keydown", look);
    return () => removeEventListener("keydown", look);
  }, []);
  function submit(event: FormEvent) {
    event.preventDefault();
    find(input.current!.value.trim());
  }
  return (
    <form role="search" className="row grow" onSubmit={submit}>
      <input
        ref={input}
        type="search"
        className="grow"
        aria-label={text.users.search}
        placeholder={text.users.searchHint}
        defaultValue={search}
      />
      <button type="submit">{text.users.find}</button>
    </form>
  );
}

function Segments({ chosen, choose }: { chosen: string; choose: (id: string) => void }) {
  const path = useProject();
  const segments = useQuery({
    queryKey: ["segments", path.project],
    queryFn: () => call(api.GET("/v1/projects/{project}/segments", { params: { path } })),
  });
  const all = [{ id: "", name: text.users.everyone }, ...(segments.data?.segments ?? [])];
  return (
    <div className="strip" role="group" aria-label={text.users.segments}>
      {all.map((one) => (
        <button
          key={one.id}
          type="button"
          className="chip"
          aria-pressed={chosen === one.id}
          onClick={() => choose(one.id)}
        >
          {one.name}
        </button>
      ))}
    </div>
  );
}

const COLUMNS = "ask0.columns";

function keptColumns(): string[] {
  return localStorage.getItem(COLUMNS)?.split(",") ?? atFirst;
}

function keepColumns(ids: string[]): void {
  localStorage.setItem(COLUMNS, ids.join(","));
}
