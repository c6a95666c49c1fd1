// @ts-check
/**
 * The beat of the screen.
 */

/**
 * Draw with every frame of the screen, and count the frames.
 *
 * @param {() => void} draw
 * @param {(fps: number) => void} onFps   about once a second
 */
export function everyFrame(draw, onFps) {
  let since = performance.now();
  let n = 0;
  const step = (/** @type {number} */ now) => {
    draw();
    n += 1;
    if (now - since >= 1000) {
      onFps((1000 * n) / (now - since));
      since = now;
      n = 0;
    }
    window.requestAnimationFrame(step);
  };
  window.requestAnimationFrame(step);
}
