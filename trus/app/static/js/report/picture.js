/** The picture of a report: the frame with its outlines and measurements, sharp enough to print. */

import { readMask } from '../measure/shape.js';
import { drawMeasurement } from '../measure/drawing.js';
import { traceContours } from '../mask/contours.js';
import { stroke, toPath } from '../viewer/outlines.js';
import { WindowedPicture } from '../viewer/windowing.js';

const WIDTH = 1400;
const MOST_SCALE = 4;
const LINE = 2;
const LOOK = { colour: '#ffe14d', edge: 'rgba(0, 0, 0, 0.75)', plate: 'rgba(0, 0, 0, 0.72)', chosen: false };

/** @returns {Promise<Blob>} PNG */
export async function drawReport(app, item) {
  const picture = await app.pictures.get(item);
  const { width, height } = picture;
  const scale = Math.min(Math.max(WIDTH / width, 1), MOST_SCALE);
  const canvas = new OffscreenCanvas(Math.round(width * scale), Math.round(height * scale));
  const context = canvas.getContext('2d');
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.imageSmoothingQuality = 'high';
  const windowed = new WindowedPicture();
  windowed.use(picture);
  context.drawImage(windowed.through(app.store.get().windows[item.fileId] ?? null), 0, 0);
  drawOutlines(context, app, item, scale);
  drawMeasurements(context, item, canvas, scale);
  return canvas.convertToBlob({ type: 'image/png' });
}

function drawOutlines(context, app, item, scale) {
  readMask(item, (mask) => {
    mask.targets.forEach(({ name }, k) => {
      const path = toPath(traceContours(mask.plane(k), mask.width, mask.height));
      stroke(context, path, app.colours.of(name, k), scale / LINE, { width: LINE });
    });
  });
}

/** Measurements in units that are twice as large as on the screen: the picture is printed small. */
function drawMeasurements(context, item, canvas, scale) {
  context.setTransform(LINE, 0, 0, LINE, 0, 0);
  const at = scale / LINE;
  const view = {
    scale: at,
    size: { width: canvas.width / LINE, height: canvas.height / LINE },
    toScreen: ({ x, y }) => ({ x: x * at, y: y * at }),
  };
  for (const each of item.measurements) if (each.points.length) drawMeasurement(context, view, item, each, LOOK);
}
