/** What the list is narrowed to with one press: views that were saved, then segments. */
import { useQuery } from "@tanstack/react-query";
import { api, call } from "../../api/client";
import { useProject } from "../../app/session";
import { text } from "../../text/en";
import { useViews, type View } from "./Views";

interface Props {
  segment: string;
  chooseSegment: (id: string) => void;
  view: View | undefined;
  openView: (view: View) => void;
}

export function Strip({ segment, chooseSegment, view, openView }: Props) {
  const path = useProject();
  const views = useViews();
  const segments = useQuery({
    queryKey: ["segments", path.project],
    queryFn: () => call(api.GET("/v1/projects/{project}/segments", { params: { path } })),
  });
  const all = [{ id: "", name: text.users.everyone }, ...(segments.data?.segments ?? [])];
  return (
    <div className="strip">
      {!!views.data?.length && (
        <div className="strip-part" role="group" aria-label={text.views.title}>
          {views.data.map((one) => (
            <button
              key={one.id}
              type="button"
              className="chip saved"
              aria-pressed={view?.id === one.id}
              onClick={() => openView(one)}
            >
              {one.name}
            </button>
          ))}
        </div>
      )}
      <div className="strip-part" role="group" aria-label={text.users.segments}>
        {all.map((one) => (
          <button
            key={one.id}
            type="button"
            className="chip"
            aria-pressed={segment === one.id}
            onClick={() => chooseSegment(one.id)}
          >
            {one.name}
          </button>
        ))}
      </div>
    </div>
  );
}
