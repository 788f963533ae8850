/** What a whole project looks like: trends, topics, hours, who stays, and how far people come on a way. */
import { useEffect } from "react";
import { titled, useParameter } from "../../kit/address";
import { Tabs } from "../../kit/Tabs";
import { text } from "../../text/en";
import { Funnel } from "./Funnel";
import { Hours } from "./Hours";
import "./insights.css";
import { Retention } from "./Retention";
import { Topics } from "./Topics";
import { Trends } from "./Trends";
import { Unanswered } from "./Unanswered";

const TABS = [
  { id: "trends", name: text.insights.trends, view: Trends },
  { id: "topics", name: text.dashboard.topics, view: Topics },
  { id: "unanswered", name: text.dashboard.unanswered, view: Unanswered },
  { id: "hours", name: text.insights.hours, view: Hours },
  { id: "retention", name: text.insights.retention, view: Retention },
  { id: "funnel", name: text.insights.funnel, view: Funnel },
];
const DAYS = ["7", "30", "90"];

export const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** The days that are looked at, as all calls take them. */
export function usePeriod(): { days: number; tz: string } {
  const [chosen] = useParameter("days");
  return { days: Number(DAYS.includes(chosen) ? chosen : "30"), tz: ZONE };
}

export default function Insights() {
  const [tab, open] = useParameter("tab");
  const [, choose] = useParameter("days");
  const { days } = usePeriod();
  const here = TABS.find((one) => one.id === tab) ?? TABS[0]!;
  useEffect(() => {
    document.title = titled(text.nav.insights);
  }, []);
  return (
    <div className="page">
      <div className="page-head">
        <h1>{text.nav.insights}</h1>
        {here.id !== "retention" && (
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
        )}
      </div>
      <Tabs label={text.nav.insights} tabs={TABS} open={here.id} choose={open}>
        <here.view />
      </Tabs>
    </div>
  );
}
