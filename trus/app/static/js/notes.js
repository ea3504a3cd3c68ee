/** The service's sentences about a frame, in the language: a file format's notes are English on the wire. */

import { hasText, t } from './i18n.js';

const SENTENCES = [
  [/^the regions have their own$/, 'regions-own'],
  [/^areas in mm2 are known within the file's regions only$/, 'regions-only'],
  [/^the header names (?<count>\d+) regions; at most (?<most>\d+) are believed$/, 'regions-many'],
  [/^a region of the header goes beyond the picture, which was scaled or cropped$/, 'regions-beyond'],
  [/^the header names no two-dimensional tissue region$/, 'regions-no-tissue'],
  [/^a tissue region of the header has no valid corners$/, 'regions-corners'],
  [/^the units of the region are not centimetres$/, 'region-units'],
  [/^the region does not say how large a pixel is$/, 'region-silent'],
  [/^(?<size>\S+) mm a pixel is no pixel of an ultrasound picture$/, 'implausible'],
  [/^(?<size>\S+) mm a pixel: pixels of the region are not square$/, 'not-square'],
  [/^the header states no spacing$/, 'header-silent'],
  [/^PixelSpacing says (?<first>\S+) mm a pixel, ImagerPixelSpacing (?<second>\S+) mm a pixel$/, 'spacings-differ'],
  [/^the region says (?<first>\S+) mm a pixel, PixelSpacing (?<second>\S+) mm a pixel$/, 'spacings-differ'],
  [/^overlapping regions say (?<first>\S+) mm a pixel and (?<second>\S+) mm a pixel$/, 'regions-differ'],
  [/^a clip does not say how large a pixel is$/, 'clip-silent'],
  [/^a picture file does not say how large a pixel is$/, 'picture-silent'],
  [/^segmented within the tissue region that the file names$/, 'within-region'],
  [/^segmented within the ultrasound picture that was found in the frame$/, 'within-found'],
  [/^the model was trained on frames cropped to a region; this one was taken whole/, 'cropped-whole'],
  [/^the file names a tissue region; the frame was taken whole, as the model was trained$/, 'taken-whole'],
];

/** A note of the service, one or several sentences joined by "; ". @param {string} note */
export function noteText(note) {
  if (!note) return '';
  const whole = translated(note);
  return whole ?? note.split('; ').map((sentence) => translated(sentence) ?? sentence).join('; ');
}

function translated(sentence) {
  for (const [pattern, name] of SENTENCES) {
    const found = pattern.exec(sentence);
    if (found) return t(`viewer.note.${name}`, { ...found.groups });
  }
  return null;
}

/** Words of a warning: ours where the code is known, else the service's. @param {{code: string, detail: string}} warning */
export function warningText({ code, detail }) {
  return hasText(`viewer.warning-${code}`) ? t(`viewer.warning-${code}`) : detail;
}
