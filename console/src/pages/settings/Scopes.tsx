/** What a role or a key may do, of what its maker may do. */
import { usePlace } from "../../app/session";
import { text } from "../../text/en";

export function scopeName(scope: string): string {
  return text.scopes[scope as keyof typeof text.scopes] ?? scope;
}

export function Scopes({ chosen = [] }: { chosen?: string[] }) {
  const { project } = usePlace();
  return (
    <fieldset className="choices">
      <legend>{text.roles.may}</legend>
      {project.scopes.map((scope) => (
        <label key={scope}>
          <input type="checkbox" name="scope" value={scope} defaultChecked={chosen.includes(scope)} />{" "}
          {scopeName(scope)}
        </label>
      ))}
    </fieldset>
  );
}
