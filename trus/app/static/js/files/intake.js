/** The ways in which files reach the page. */

import { register } from '../keyboard.js';
import { h } from '../dom.js';


/** @param {object} app */
export function installIntake(app) {
  const picker = (attributes) => {
    const input = h('input', { type: 'file', hidden: true, multiple: true, tabindex: -1, 'aria-hidden': 'true', ...attributes });
    input.addEventListener('change', () => {
      app.opening.open(inOrder([...input.files]));
      input.value = '';
    });
    document.body.append(input);
    return input;
  };
  const files = picker({ id: 'pick-files' }); // no `accept`: DICOM files often have no ending, and a filter would hide them
  const folder = picker({ id: 'pick-folder', webkitdirectory: true });
  register({ id: 'file.open', textKey: 'shell.open-files', keys: ['ctrl+o'], icon: 'open', group: 'file', run: () => files.click() });
  register({ id: 'file.open-folder', textKey: 'shell.open-folder', keys: ['ctrl+shift+o'], icon: 'folder', group: 'file', run: () => folder.click() });
  listenForDrops(app);
  document.addEventListener('paste', (event) => {
    const pasted = [...(event.clipboardData?.files ?? [])];
    if (!pasted.length) return;
    event.preventDefault();
    app.opening.open(pasted);
  });
}

/** Names in the order a person expects: frame2 before frame10. @param {File[]} files */
function inOrder(files) {
  const compare = new Intl.Collator('en', { numeric: true }).compare;
  return files.sort((a, b) => compare(a.webkitRelativePath || a.name, b.webkitRelativePath || b.name));
}

function listenForDrops(app) {
  let depth = 0;
  const mark = (change) => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle('is-dropping', depth > 0);
  };
  const holdsFiles = (event) => event.dataTransfer?.types.includes('Files');
  window.addEventListener('dragenter', (event) => holdsFiles(event) && mark(1));
  window.addEventListener('dragleave', (event) => holdsFiles(event) && mark(-1));
  window.addEventListener('dragover', (event) => holdsFiles(event) && event.preventDefault());
  window.addEventListener('drop', async (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    mark(-depth);
    const dialog = event.target instanceof Element && event.target.closest('dialog');
    if (!dialog) app.opening.open(inOrder(await droppedFiles(event.dataTransfer)));
  });
}

/** The files of a drop, those in folders too. @param {DataTransfer} transfer @returns {Promise<File[]>} */
async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return [...transfer.files];
  return (await Promise.all(entries.map(filesOf))).flat();
}

async function filesOf(entry) {
  if (entry.isFile) return new Promise((resolve) => entry.file((file) => resolve([file]), () => resolve([])));
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([]))); // a hundred at a time
    if (!some.length) break;
    found.push(...some);
  }
  return (await Promise.all(found.map(filesOf))).flat();
}
