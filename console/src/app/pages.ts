/** Every page of a project, in the order of the navigation: each is loaded when it is opened first. */
import { type ComponentType, lazy, type LazyExoticComponent } from "react";
import { text } from "../text/en";

export interface Page {
  path: string; // after the project's; what goes on below it is the page's own
  name: string;
  scope?: string; // without which it is not shown
  view: LazyExoticComponent<ComponentType>;
}

export const pages: Page[] = [
  {
    path: "dashboard",
    name: text.nav.dashboard,
    scope: "users:read",
    view: lazy(() => import("../pages/dashboard/Dashboard")),
  },
  { path: "users", name: text.nav.users, scope: "users:read", view: lazy(() => import("../pages/users/Users")) },
  {
    path: "segments",
    name: text.nav.segments,
    scope: "users:read",
    view: lazy(() => import("../pages/segments/Segments")),
  },
  {
    path: "conversations",
    name: text.nav.conversations,
    scope: "events:read",
    view: lazy(() => import("../pages/conversations/Conversations")),
  },
  {
    path: "insights",
    name: text.nav.insights,
    scope: "events:read",
    view: lazy(() => import("../pages/insights/Insights")),
  },
  { path: "live", name: text.nav.live, scope: "events:read", view: lazy(() => import("../pages/live/Live")) },
  { path: "data", name: text.nav.data, scope: "events:read", view: lazy(() => import("../pages/data/Data")) },
  { path: "settings", name: text.nav.settings, view: lazy(() => import("../pages/settings/Settings")) },
];
