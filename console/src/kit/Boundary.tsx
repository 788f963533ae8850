/** Around a page: should it break, the navigation stays, and the page can be shown anew. */
import { Component, type ReactNode } from "react";
import { text } from "../text/en";

interface Props {
  children: ReactNode;
}

export class Boundary extends Component<Props, { isBroken: boolean }> {
  override state = { isBroken: false };

  static getDerivedStateFromError() {
    return { isBroken: true };
  }

  override render() {
    if (!this.state.isBroken) return this.props.children;
    return (
      <div className="state" role="alert">
        <h2>{text.errors.failed}</h2>
        <p>{text.errors.broken}</p>
        <button type="button" onClick={() => this.setState({ isBroken: false })}>
          {text.errors.retry}
        </button>
      </div>
    );
  }
}
