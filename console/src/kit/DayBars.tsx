/** A bar for each day, and the same as a table. */
import { text } from "../text/en";
import { Num } from "./values";

interface Props {
  title: string;
  values: { day: string; count: number }[];
  first?: string; // what stands below the bars, if not days
}

const HEIGHT = 96;

export function DayBars({ title, values, first = text.day }: Props) {
  const most = Math.max(1, ...values.map((one) => one.count));
  const width = 100 / Math.max(1, values.length);
  return (
    <figure className="chart">
      <figcaption>{title}</figcaption>
      <svg viewBox={`0 0 100 ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={title}>
        {values.map((one, place) => {
          const height = one.count ? Math.max(2, (one.count / most) * HEIGHT) : 0;
          return (
            <rect key={place} x={place * width + width * 0.1} y={HEIGHT - height} width={width * 0.8} height={height}>
              <title>{`${one.day}: ${one.count}`}</title>
            </rect>
          );
        })}
      </svg>
      <p className="row axis" aria-hidden>
        <span className="grow">{values[0]?.day}</span>
        <span>{values.at(-1)?.day}</span>
      </p>
      <details>
        <summary>{text.asTable}</summary>
        <table>
          <thead>
            <tr>
              <th>{first}</th>
              <th className="number">{text.count}</th>
            </tr>
          </thead>
          <tbody>
            {values
              .filter((one) => one.count)
              .map((one, place) => (
                <tr key={place}>
                  <td>{one.day}</td>
                  <td className="number">
                    <Num value={one.count} />
                  </td>
                </tr>
              ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}
