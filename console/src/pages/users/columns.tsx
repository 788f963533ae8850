/** What the list of users can show, each with how it is sorted. */
import type { ReactNode } from "react";
import type { Schemas } from "../../api/client";
import { Num, Status, Tag, Time, Value } from "../../kit/values";
import { text } from "../../text/en";

export type Profile = Schemas["Profile"];

export interface Column {
  id: string; // as it stands in the address, and in `sort` where there is no other
  name: string;
  sort?: string; // by which it is sorted
  isNumber?: boolean;
  width: string; // of a grid
  cell: (user: Profile) => ReactNode;
}

const NUMBER = { isNumber: true, width: "minmax(5.25rem, 0.5fr)" };

export const known: Column[] = [
  {
    id: "email",
    name: text.users.who,
    sort: "email",
    width: "minmax(11.875rem, 3fr)",
    cell: (user) => <span className="cut">{nameOf(user)}</span>,
  },
  {
    id: "name",
    name: text.users.name,
    sort: "name",
    width: "minmax(8.125rem, 1fr)",
    cell: (user) => <Value value={user.name} />,
  },
  {
    id: "customerId",
    name: text.users.customerId,
    sort: "customerId",
    width: "minmax(6.875rem, 1fr)",
    cell: (user) => <Value value={user.customerId} />,
  },
  {
    id: "status",
    name: text.users.status,
    sort: "status",
    width: "8.125rem",
    cell: (user) => <Status status={user.status} />,
  },
  {
    id: "stage",
    name: text.users.stage,
    sort: "stage",
    width: "minmax(5.625rem, 0.6fr)",
    cell: (user) => <Value value={user.stage} />,
  },
  {
    id: "plan",
    name: text.users.plan,
    sort: "plan",
    width: "minmax(5.625rem, 0.6fr)",
    cell: (user) => <Value value={user.plan} />,
  },
  {
    id: "company",
    name: text.users.company,
    sort: "company",
    width: "minmax(6.875rem, 1fr)",
    cell: (user) => <Value value={user.company} />,
  },
  {
    id: "tags",
    name: text.users.tags,
    width: "minmax(6.875rem, 1fr)",
    cell: (user) => user.tags.slice(0, 3).map((tag) => <Tag key={tag}>{tag}</Tag>),
  },
  {
    id: "conversations",
    name: text.users.chats,
    sort: "conversations",
    ...NUMBER,
    cell: (user) => <Num value={user.conversations} />,
  },
  {
    id: "questions",
    name: text.users.questions,
    sort: "questions",
    ...NUMBER,
    cell: (user) => <Num value={user.questions} />,
  },
  {
    id: "satisfaction",
    name: text.users.satisfaction,
    sort: "satisfaction",
    ...NUMBER,
    cell: (user) => <Num value={user.satisfaction} share />,
  },
  { id: "nps", name: text.users.nps, sort: "nps", ...NUMBER, cell: (user) => <Num value={user.nps} /> },
  {
    id: "createdAt",
    name: text.users.created,
    sort: "createdAt",
    width: "minmax(6.5rem, 0.7fr)",
    cell: (user) => <Time at={user.createdAt} />,
  },
  {
    id: "lastActiveAt",
    name: text.users.lastActive,
    sort: "lastActiveAt",
    width: "minmax(7.5rem, 0.7fr)",
    cell: (user) => <Time at={user.lastActiveAt} />,
  },
];

export const atFirst = ["email", "customerId", "status", "conversations", "createdAt", "lastActiveAt"];

const TRAIT = "traits.";

/** Of a column of the product's own, or of any trait. */
export function columnOf(id: string): Column | undefined {
  if (!id.startsWith(TRAIT)) return known.find((column) => column.id === id);
  const name = id.slice(TRAIT.length);
  return {
    id,
    name,
    sort: `${TRAIT}${name.replaceAll(".", "\\.")}`,
    width: "minmax(6.875rem, 1fr)",
    cell: (user) => (
      <span className="cut">
        <Value value={user.traits[name]} />
      </span>
    ),
  };
}

export function traitColumn(name: string): string {
  return TRAIT + name;
}

/** By which people are told apart: what is nearest to a name. */
export function nameOf(user: Profile): string {
  return user.email ?? user.name ?? user.id;
}
