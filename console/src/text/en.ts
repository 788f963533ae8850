/** Every word that the console says, in one place. */
import { frame } from "./en/frame";
import { insights } from "./en/insights";
import { people } from "./en/people";
import { settings } from "./en/settings";

export const text = { ...frame, ...people, ...insights, ...settings };
