/** The calls of Ask0's documentation, unchanged: each makes the request that it means. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { runPart, titles } from "./documented.js";
import { clientOf, serve } from "./server.js";

const P = "/v1/projects/-";
const ANSWER = { users: [], conversations: [], next: null, id: "user_123", job: { id: "job_1" } };
const JOHN = { email: "john@example.com", name: "John Doe", plan: "pro" };
const FEATURES = {
  teamSize: "10-50",
  industry: "SaaS",
  signupDate: "2023-06-15",
  monthlySpend: 499,
  features: ["api", "webhooks", "sso"],
};

/** What is said: the events, without what the SDK adds. */
const SAID = {
  "Basic identification": [{ type: "identify", id: "user_123", traits: { email: "john@example.com" } }],
  "With additional attributes": [
    {
      type: "identify",
      id: "user_123",
      traits: { ...JOHN, company: "Acme Corp", role: "developer", customAttributes: FEATURES },
    },
  ],
  "Server-side identification": [
    { type: "identify", projectId: "proj_123", userId: "user_123", traits: { ...JOHN, company: "Acme Corp" } },
  ],
  "Automatic identification": [
    { type: "identify", id: "user_123", traits: { name: "John Doe" } },
    { type: "identify", id: "user_123", traits: JOHN },
  ],
  "Track event": [
    {
      type: "track",
      event: "Feature Used",
      userId: "user_123",
      properties: { feature: "API Integration", success: true },
    },
  ],
  "Batch events": [
    { type: "track", event: "Page Viewed", userId: "user_123", properties: { page: "/docs" } },
    { type: "track", event: "Button Clicked", userId: "user_123", properties: { button: "Get Started" } },
  ],
};

/** What is asked or set. */
const ASKED = {
  "Custom segments": [
    `POST ${P}/segments/query`,
    {
      name: "High Value Users",
      conditions: {
        plan: ["pro", "enterprise"],
        monthlySpend: { gte: 500 },
        conversations: { gte: 10 },
        satisfaction: { gte: 0.8 },
      },
    },
  ],
  "Create or update user": [
    `PUT ${P}/users/user_123`,
    { email: "john@example.com", attributes: { teamSize: "10-50" } },
  ],
  "Get user profile": [`GET ${P}/users/user_123`],
  "List users": [`POST ${P}/users/query`, { filter: { plan: "pro", lastActiveAfter: "2024-01-01" }, limit: 100 }],
  "Update user attributes": [
    `PATCH ${P}/users/user_123`,
    { plan: "enterprise", customAttributes: { upgraded: true, upgradeDate: "now" } },
  ],
  "Get user conversations": [`GET ${P}/users/user_123/conversations?limit=20&sort=recent`],
  "Delete user data": [`DELETE ${P}/users/user_123?deleteConversations=true&anonymize=false`],
};

test("every documented call is run here", () => {
  assert.deepEqual([...titles].sort(), [...Object.keys(SAID), ...Object.keys(ASKED)].sort());
});

for (const [title, events] of Object.entries(SAID)) {
  test(`"${title}" says what it means`, async () => {
    const gateway = await serve();
    const { ask0, refused, errors } = clientOf(gateway);
    await runPart(title, ask0);
    await ask0.flush();
    assert.deepEqual(
      gateway.events().map(({ messageId, timestamp, context, ...event }) => event),
      events,
    );
    assert.deepEqual([refused, errors], [[], []]);
  });
}

for (const [title, [line, body]] of Object.entries(ASKED)) {
  test(`"${title}" is ${line}`, async () => {
    const gateway = await serve({ body: ANSWER });
    await runPart(title, clientOf(gateway).ask0);
    const [{ method, path, json }] = gateway.requests;
    if (json?.customAttributes) {
      assert.ok(Math.abs(Date.parse(json.customAttributes.upgradeDate) - Date.now()) < 5_000);
      json.customAttributes.upgradeDate = "now";
    }
    assert.deepEqual([`${method} ${path}`, json], [line, body]);
  });
}
