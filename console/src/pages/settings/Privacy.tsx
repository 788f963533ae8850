/** What people say of consent, and whether that is in force. */
import { api, call, type Schemas } from "../../api/client";
import { useProject } from "../../app/session";
import { text } from "../../text/en";
import { Setting } from "./Setting";

const PATH = "/v1/projects/{project}/settings/privacy";

export default function Privacy() {
  const path = useProject();
  return (
    <Setting<Schemas["PrivacyAnswer"], boolean>
      of={{
        id: "setting-privacy",
        name: text.settings.consent,
        says: text.settings.consentSays,
        read: () => call(api.GET(PATH, { params: { path } })),
        put: (enforceConsent, version) =>
          call(api.PUT(PATH, { params: { path, header: { "If-Match": version } }, body: { enforceConsent } })),
        valueOf: (seen) => seen.enforceConsent,
        said: (form) => form.get("enforceConsent") === "true",
        show: (inForce) => text.settings.consents[inForce ? "true" : "false"],
        fields: (inForce) => (
          <fieldset className="choices">
            <legend className="unseen">{text.settings.consent}</legend>
            {(["true", "false"] as const).map((value) => (
              <label key={value}>
                <input type="radio" name="enforceConsent" value={value} defaultChecked={String(inForce) === value} />{" "}
                {text.settings.consents[value]}
              </label>
            ))}
          </fieldset>
        ),
      }}
    />
  );
}
