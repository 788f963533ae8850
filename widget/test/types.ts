/** What the types let a page say, compiled by `npm run check`: a line under `@ts-expect-error` has to be an error. */

import { createAsk0, follow, VERSION } from "../src/index.js";
import type { Ask0, BatchItem, Category, Consent, ConsentState } from "../src/index.js";
import type { Happenings, Options, Properties, Proof, User } from "../src/index.js";

const options: Options = { host: "https://ask0.test", writeKey: "wk" };
export const ask0: Ask0 = createAsk0({ ...options, consent: "pending", cookieDomain: "shop.test" });

// @ts-expect-error The write key is missing.
createAsk0({ host: "https://ask0.test" });
// @ts-expect-error The host is missing.
createAsk0({ writeKey: "wk" });
// @ts-expect-error It needs options.
createAsk0();
// @ts-expect-error There is no such state of consent.
createAsk0({ ...options, consent: "maybe" });
// @ts-expect-error There is no such option.
createAsk0({ ...options, cookiedomain: "shop.test" });

const proof: Proof = { token: "eyJ" };
const user: User = { id: "jane", email: "jane@shop.test", seats: 3, customAttributes: { beta: true } };
ask0.identify(user);
ask0.identify({ id: 42 }, proof);
ask0.identify({ id: null, plan: "pro" });
ask0.identify({ anything: new Date() });
// @ts-expect-error It needs an object.
ask0.identify();
// @ts-expect-error An id alone is no user.
ask0.identify("jane");
// @ts-expect-error An id is a text or a number.
ask0.identify({ id: true });
// @ts-expect-error A name is a text.
ask0.identify({ id: "jane", name: 5 });
// @ts-expect-error Custom attributes are an object.
ask0.identify({ id: "jane", customAttributes: "beta" });
// @ts-expect-error A token stands in an object.
ask0.identify({ id: "jane" }, "eyJ");
// @ts-expect-error A token is a text.
ask0.identify({ id: "jane" }, { token: 5 });

const properties: Properties = { plan: "pro", cart: ["tea"] };
ask0.track("Clicked");
ask0.track("Clicked", properties);
// @ts-expect-error An event has a name.
ask0.track();
// @ts-expect-error A name is a text.
ask0.track(5);
// @ts-expect-error Properties are an object.
ask0.track("Clicked", "pro");

ask0.page();
ask0.page("Pricing", properties);
// @ts-expect-error A name is a text.
ask0.page({ tab: "annual" });

ask0.group("acme", { seats: 3 });
ask0.group(7);
// @ts-expect-error A group has an id.
ask0.group();
// @ts-expect-error Traits are an object.
ask0.group("acme", 3);

ask0.alias("jane", proof);
ask0.alias(42);
// @ts-expect-error An alias is of a user.
ask0.alias();
// @ts-expect-error An alias is an id, not a user.
ask0.alias({ id: "jane" });

const items: BatchItem[] = [{ event: "A", userId: "jane", page: "/" }, { id: "jane", traits: {} }];
ask0.batch(items);
// @ts-expect-error A batch is a list.
ask0.batch({ event: "A" });
// @ts-expect-error Its items are objects.
ask0.batch(["A"]);
// @ts-expect-error An event is a text.
ask0.batch([{ event: 5 }]);

const state: ConsentState = "denied";
const category: Category = "marketing";
const choice: Consent = { [category]: state };
ask0.consent(choice);
ask0.consent({ analytics: "granted", personalization: "pending", marketing: "denied" });
// @ts-expect-error There is no such state of consent.
ask0.consent({ analytics: "yes" });
// @ts-expect-error A state is a word.
ask0.consent({ analytics: true });
// @ts-expect-error There is no such category.
ask0.consent({ advertising: "denied" });
// @ts-expect-error It needs the choice.
ask0.consent();

ask0.on("sent", (events) => events.toFixed());
ask0.on("delayed", (events, status) => [events.toFixed(), status.toFixed()]);
ask0.on("dropped", (events, why) => [events.toFixed(), why === 401]);
ask0.on("omitted", (path) => path.trim());
export const happening: keyof Happenings = "omitted";
// @ts-expect-error There is no such thing to listen to.
ask0.on("answer", () => {});
// @ts-expect-error It needs a listener.
ask0.on("sent");
// @ts-expect-error A path is a text.
ask0.on("omitted", (path: number) => path);
// @ts-expect-error Nobody says what a reason is.
ask0.on("dropped", (_events, why) => why.message);
// @ts-expect-error `sent` has no status.
ask0.on("sent", (events, status) => [events, status]);

const found: Promise<User | null> = ask0.user();
void found.then((person) => person?.email?.trim());
// @ts-expect-error There may be nobody.
void found.then((person) => person.email);
// @ts-expect-error It is a promise.
export const now: User | null = ask0.user();

const ready: Promise<void> = ask0.ready(() => ask0.flush());
void ready.then(() => ask0.ready());
// @ts-expect-error It runs functions.
void ask0.ready("now");

ask0.reset();
ask0.debug();
ask0.renew?.();
// @ts-expect-error Pages without the snippet have none.
ask0.renew();
// @ts-expect-error There is no such call.
ask0.screen("Home");

export const dropped: number = ask0.dropped;
window.ask0.track("Clicked", { version: VERSION.trim() });
// @ts-expect-error The page's own is typed too.
window.ask0.track(5);

follow(() => ask0.page());
// @ts-expect-error It runs functions.
follow("page");
