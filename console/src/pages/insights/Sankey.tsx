/** The graph of ways: events of a step above each other, ribbons as wide as many users go from one to the next. */
import { sankey } from "d3-sankey";
import { useMemo } from "react";
import type { Schemas } from "../../api/client";
import { text } from "../../text/en";
import "./sankey.css";

type Node = Schemas["JourneyNode"] & { id: string };
interface Link {
  source: string;
  target: string;
  value: number;
}

const COLUMN = 196; // from one step to the next
const ROW = 62; // for each event of the step that has most
const BAR = 12;
const LABEL = 216; // beside the last bars
const LETTERS = 19;

/** For the eye and the mouse: the tables below say and do the same. */
export function Sankey({ journeys, begin }: { journeys: Schemas["Journeys"]; begin: (event: string) => void }) {
  const { graph, width, height } = useMemo(() => layOut(journeys), [journeys]);
  return (
    <div className="scroll-x">
      <svg className="sankey" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={text.insights.journeys}>
        {graph.links.map((link) => {
          const [source, target] = [link.source as Placed, link.target as Placed];
          const middle = (source.x1! + target.x0!) / 2;
          return (
            <path
              key={`${source.id} → ${target.id}`}
              className="ribbon"
              d={`M${source.x1},${link.y0} C${middle},${link.y0} ${middle},${link.y1} ${target.x0},${link.y1}`}
              strokeWidth={Math.max(1, link.width!)}
            >
              <title>{`${nameOf(source)} → ${nameOf(target)}: ${link.value.toLocaleString("en")}`}</title>
            </path>
          );
        })}
        {graph.nodes.map((node) => {
          const { event } = node;
          const name = nameOf(node);
          return (
            <g
              key={node.id}
              className={event === null ? "node others" : "node"}
              onClick={event === null ? undefined : () => begin(event)}
            >
              <title>{`${name}: ${node.users.toLocaleString("en")}`}</title>
              <rect x={node.x0} y={node.y0} width={BAR} height={Math.max(1, node.y1! - node.y0!)} />
              <text x={node.x1! + 6} y={(node.y0! + node.y1!) / 2} dy="0.32em">
                {name.length > LETTERS ? `${name.slice(0, LETTERS - 1)}…` : name}{" "}
                <tspan>{node.users.toLocaleString("en")}</tspan>
              </text>
            </g>
          );
        })}
      </svg>
    </div>
  );
}

type Placed = ReturnType<typeof layOut>["graph"]["nodes"][number];

function nameOf(node: Node): string {
  return node.event ?? text.insights.others;
}

function idOf(step: number, event: string | null): string {
  return event === null ? `${step}` : `${step} ${event}`;
}

function layOut(journeys: Schemas["Journeys"]) {
  const most = Math.max(...journeys.nodes.map(({ step }) => journeys.nodes.filter((one) => one.step === step).length));
  const [width, height] = [(journeys.depth - 1) * COLUMN + LABEL, Math.max(160, most * ROW)];
  const place = sankey<Node, Link>()
    .nodeId((node) => node.id)
    .nodeAlign((node) => node.step - 1)
    .nodeWidth(BAR)
    .nodePadding(18)
    .extent([
      [1, 8],
      [width - LABEL, height - 8],
    ]);
  const graph = place({
    // As high as many users were there: some of them went no further.
    nodes: journeys.nodes.map((node) => ({ ...node, id: idOf(node.step, node.event), fixedValue: node.users })),
    links: journeys.links.map((link) => ({
      source: idOf(link.step, link.from),
      target: idOf(link.step + 1, link.to),
      value: link.users,
    })),
  });
  return { graph, width, height };
}
