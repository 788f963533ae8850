/** The days that a page looks at, up to today by the clock of who looks: chosen in its address. */
import { text } from "../text/en";
import { useParameter } from "./address";

const DAYS = ["7", "30", "90"];

export const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

export interface Period {
  days: number;
  tz: string;
}

/** As all calls take them. */
export function usePeriod(): Period {
  const [chosen] = useParameter("days");
  return { days: Number(DAYS.includes(chosen) ? chosen : "30"), tz: ZONE };
}

export function PeriodPicker() {
  const [, choose] = useParameter("days");
  const { days } = usePeriod();
  return (
    <label>
      <span className="unseen">{text.events.days}</span>
      <select className="narrow" value={String(days)} onChange={(event) => choose(event.target.value)}>
        {DAYS.map((one) => (
          <option key={one} value={one}>
            {text.events.lastDays(Number(one))}
          </option>
        ))}
      </select>
    </label>
  );
}
