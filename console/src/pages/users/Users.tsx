/** The users of a project: found, sorted, chosen and worked on. */
import { type FormEvent, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useLocation } from "wouter";
import { usePlace } from "../../app/session";
import { remember, remembered } from "../../kit/remembered";
import { titled, useAsked, useOpened, useParameter } from "../../kit/address";
import { Empty, ErrorState, Skeleton } from "../../kit/states";
import { Num } from "../../kit/values";
import { text } from "../../text/en";
import { UserDialog } from "../user/UserDialog";
import { Bulk } from "./Bulk";
import { ColumnPicker } from "./ColumnPicker";
import { Exports } from "./Exports";
import { FilterBuilder } from "./FilterBuilder";
import { type Filter, readFilter, sentence, whoever } from "./filters";
import { columnsOf, keepPlaced, keptPlaced, type Placed, readPlaced, writePlaced } from "./layout";
import { MOST, useCount, useUsers } from "./list";
import { NewUser } from "./NewUser";
import { SaveSegment } from "./SaveSegment";
import { Strip } from "./Strip";
import "./users.css";
import { UserTable } from "./UserTable";
import { addressOf, SaveView, useViews, type View } from "./Views";

type Open = "filter" | "columns" | "new" | "save" | "view" | null;

const CHOSEN = "chosen";
const MOST_REMEMBERED = 1_000;

export default function Users() {
  const { can } = usePlace();
  const [search, setSearch] = useParameter("search");
  const [segment, setSegment] = useParameter("segment");
  const [written, setFilter] = useParameter("filter");
  const [sort, setSort] = useParameter("sort");
  const [columnsWritten, setColumns] = useParameter("columns");
  const [exports, setExports] = useParameter("exports");
  const [viewId] = useParameter("view");
  const [, go] = useLocation();
  const view = useViews().data?.find((one) => one.id === viewId);
  const [open, setOpen] = useState<Open>(null);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(() => new Set(remembered<string[]>(CHOSEN)));
  const choose = (ids: ReadonlySet<string>) => {
    setChosen(ids);
    remember(CHOSEN, [...ids].slice(0, MOST_REMEMBERED));
  };
  const query = useAsked();
  const opened = useOpened();
  const asked = useMemo(
    () => ({ search, segment, filter: written, sort: sort || "-lastActiveAt" }),
    [search, segment, written, sort],
  );
  const users = useUsers(asked);
  const count = useCount(asked, users.isSuccess && !users.isPlaceholderData);
  const placed = useMemo(() => (columnsWritten ? readPlaced(columnsWritten) : keptPlaced()), [columnsWritten]);
  const columns = useMemo(() => columnsOf(placed), [placed]);
  const replace = (after: Placed[]) => {
    keepPlaced(after);
    setColumns(writePlaced(after), { replace: true });
  };
  const filter = readFilter(written);
  const rows = users.data?.users ?? [];
  const { fetchNextPage, isFetchingNextPage } = users;
  const more = useCallback(() => {
    if (!isFetchingNextPage) void fetchNextPage();
  }, [fetchNextPage, isFetchingNextPage]);
  useEffect(() => {
    document.title = titled(text.users.title);
  }, []);
  const before = useRef(asked);
  useEffect(() => {
    if (before.current !== asked) setChosen(new Set()); // they may be none of those that are listed now
    before.current = asked;
  }, [asked]);
  const openView = (one: View | null) => go(one ? addressOf(one) : "/");
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
      <Strip segment={segment} chooseSegment={setSegment} view={view} openView={openView} />
      <div className="row tools">
        <Search key={search} search={search} find={setSearch} />
        <button type="button" onClick={() => setOpen("filter")} aria-pressed={!!filter}>
          {text.filters.title}
        </button>
        <button type="button" onClick={() => setOpen("columns")}>
          {text.users.columns}
        </button>
        {can("segments:write") && (
          <button type="button" onClick={() => setOpen("view")}>
            {text.views.save}
          </button>
        )}
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
          resize={(id, width) => replace(placed.map((one) => (one.id === id ? { id, width } : one)))}
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
      {open === "columns" && <ColumnPicker chosen={placed} sample={rows} apply={replace} close={() => setOpen(null)} />}
      {open === "view" && (
        <SaveView
          view={view}
          now={{ search, segment, filter, sort, columns: writePlaced(placed).split(",") }}
          open={openView}
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
      {opened !== null && <Opened id={opened} />}
    </div>
  );
}

function Opened({ id }: { id: string }) {
  const [, go] = useLocation();
  const query = new URLSearchParams(useAsked());
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
