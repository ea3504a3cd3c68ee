/** Where the frame lies in the view: screen = frame * scale + (x, y), in CSS pixels of the view. */

export const MOST = 40;
export const LEAST = 0.05;

export class Transform {
  scale = 1;
  x = 0;
  y = 0;

  toScreen({ x, y }) {
    return { x: x * this.scale + this.x, y: y * this.scale + this.y };
  }

  toFrame({ x, y }) {
    return { x: (x - this.x) / this.scale, y: (y - this.y) / this.scale };
  }

  /** Changes the scale so that the frame stays under a point of the screen. */
  zoomAt(scale, point) {
    const kept = this.toFrame(point);
    this.scale = Math.min(Math.max(scale, LEAST), MOST);
    this.x = point.x - kept.x * this.scale;
    this.y = point.y - kept.y * this.scale;
  }

  /** The largest scale at which all of a frame is seen, in the middle. */
  fit(width, height, viewWidth, viewHeight, margin = 12) {
    const scale = Math.min((viewWidth - 2 * margin) / width, (viewHeight - 2 * margin) / height);
    this.scale = Math.min(Math.max(scale, LEAST), MOST);
    this.centre(width, height, viewWidth, viewHeight);
  }

  centre(width, height, viewWidth, viewHeight) {
    this.x = (viewWidth - width * this.scale) / 2;
    this.y = (viewHeight - height * this.scale) / 2;
  }

  /** Keeps some of the frame in sight. */
  hold(width, height, viewWidth, viewHeight) {
    const kept = 48;
    this.x = Math.min(Math.max(this.x, kept - width * this.scale), viewWidth - kept);
    this.y = Math.min(Math.max(this.y, kept - height * this.scale), viewHeight - kept);
  }

  copy(other) {
    Object.assign(this, { scale: other.scale, x: other.x, y: other.y });
  }
}
