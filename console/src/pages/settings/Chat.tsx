/** Who may chat, and how they prove who they are. */
import { api, call, type Schemas } from "../../api/client";
import { useProject } from "../../app/session";
import { text } from "../../text/en";
import { Setting } from "./Setting";
import { VerificationKeys } from "./VerificationKeys";

const CHAT = "/v1/projects/{project}/settings/chat";
const VERIFICATION = "/v1/projects/{project}/settings/verification";
const PERMISSIONS = ["guest", "login", "user"] as const;

type Verification = Schemas["VerificationAnswer"];
type Proof = Pick<Verification, "required" | "readable">;

export default function Chat() {
  return (
    <>
      <Permission />
      <Verified />
    </>
  );
}

function Permission() {
  const path = useProject();
  return (
    <Setting<Schemas["ChatAnswer"], Schemas["ChatAnswer"]["permission"]>
      of={{
        id: "setting-chat",
        name: text.settings.permission,
        says: text.settings.permissionSays,
        read: () => call(api.GET(CHAT, { params: { path } })),
        put: (permission, version) =>
          call(api.PUT(CHAT, { params: { path, header: { "If-Match": version } }, body: { permission } })),
        valueOf: (seen) => seen.permission,
        said: (form) => form.get("permission") as "guest",
        show: (permission) => text.settings.permissions[permission],
        fields: (permission) => (
          <fieldset className="choices">
            <legend className="unseen">{text.settings.permission}</legend>
            {PERMISSIONS.map((one) => (
              <label key={one}>
                <input type="radio" name="permission" value={one} defaultChecked={one === permission} />{" "}
                {text.settings.permissions[one]}
              </label>
            ))}
          </fieldset>
        ),
      }}
    />
  );
}

function Verified() {
  const path = useProject();
  return (
    <Setting<Verification, Proof>
      of={{
        id: "setting-verification",
        name: text.settings.verification,
        says: text.settings.verificationSays,
        read: () => call(api.GET(VERIFICATION, { params: { path } })),
        put: (body, version) =>
          call(api.PUT(VERIFICATION, { params: { path, header: { "If-Match": version } }, body })),
        valueOf: ({ required, readable }) => ({ required, readable }),
        said: (form) => ({
          required: form.get("required") === "on",
          readable: String(form.get("readable"))
            .split(",")
            .map((name) => name.trim())
            .filter(Boolean),
        }),
        show: ({ required, readable }) =>
          `${required ? text.settings.tokensNeeded : text.settings.tokensFree} · ${readable.join(", ") || text.none}`,
        fields: ({ required, readable }, { keys }) => (
          <>
            <label>
              <input type="checkbox" name="required" defaultChecked={required} disabled={!keys.length && !required} />{" "}
              {text.settings.tokensNeeded}
              {!keys.length && <small className="muted block">{text.settings.keyFirst}</small>}
            </label>
            <label className="field">
              <span>{text.settings.readable}</span>
              <input name="readable" defaultValue={readable.join(", ")} autoComplete="off" />
            </label>
          </>
        ),
        more: (seen) => <VerificationKeys of={seen} />,
      }}
    />
  );
}
