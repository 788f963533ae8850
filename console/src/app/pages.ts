/** Every page of a project, in the order of the navigation: each is loaded when it is opened first. */
import { text } from "../text/en";
import { type Preloaded, preloaded } from "./preloaded";

export interface Page {
  path: string; // after the project's; what goes on below it is the page's own
  name: string;
  scope?: string; // without which it is not shown
  of: Preloaded;
}

export const pages: Page[] = [
  {
    path: "dashboard",
    name: text.nav.dashboard,
    scope: "users:read",
    of: preloaded(() => import("../pages/dashboard/Dashboard")),
  },
  { path: "users", name: text.nav.users, scope: "users:read", of: preloaded(() => import("../pages/users/Users")) },
  {
    path: "segments",
    name: text.nav.segments,
    scope: "users:read",
    of: preloaded(() => import("../pages/segments/Segments")),
  },
  {
    path: "conversations",
    name: text.nav.conversations,
    scope: "events:read",
    of: preloaded(() => import("../pages/conversations/Conversations")),
  },
  {
    path: "insights",
    name: text.nav.insights,
    scope: "events:read",
    of: preloaded(() => import("../pages/insights/Insights")),
  },
  { path: "live", name: text.nav.live, scope: "events:read", of: preloaded(() => import("../pages/live/Live")) },
  { path: "data", name: text.nav.data, scope: "events:read", of: preloaded(() => import("../pages/data/Data")) },
  { path: "settings", name: text.nav.settings, of: preloaded(() => import("../pages/settings/Settings")) },
];
