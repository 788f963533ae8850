/** What a whole project looks like: trends, topics, hours, who stays, which ways people go and how far. */
import { lazy, Suspense, useEffect } from "react";
import { titled, useParameter } from "../../kit/address";
import { PeriodPicker } from "../../kit/period";
import { Skeleton } from "../../kit/states";
import { Tabs } from "../../kit/Tabs";
import { text } from "../../text/en";
import { Cohorts } from "./Cohorts";
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
  { id: "cohorts", name: text.insights.cohorts, view: Cohorts },
  { id: "journeys", name: text.insights.journeys, view: lazy(() => import("./Journeys")) }, // which draws graphs
  { id: "funnel", name: text.insights.funnel, view: Funnel },
];
const OF_NO_DAYS = ["retention", "cohorts"]; // but of weeks or months of their own

export default function Insights() {
  const [tab, open] = useParameter("tab");
  const here = TABS.find((one) => one.id === tab) ?? TABS[0]!;
  useEffect(() => {
    document.title = titled(text.nav.insights);
  }, []);
  return (
    <div className="page">
      <div className="page-head">
        <h1>{text.nav.insights}</h1>
        {!OF_NO_DAYS.includes(here.id) && <PeriodPicker />}
      </div>
      <Tabs label={text.nav.insights} tabs={TABS} open={here.id} choose={open}>
        <Suspense fallback={<Skeleton lines={9} />}>
          <here.view />
        </Suspense>
      </Tabs>
    </div>
  );
}
