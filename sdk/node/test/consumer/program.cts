/** A program in TypeScript, of CommonJS, that requires the package by its name. */

import { Ask0, type User } from "@ask0/node";

const ask0 = new Ask0({ secretKey: "sk_…", host: "https://ask0.example.com", fetch });
export const name = async (): Promise<User["name"]> => (await ask0.users.get("u")).name;
