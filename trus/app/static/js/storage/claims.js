/** Which tab a session belongs to: one at a time, until that tab is closed, reloaded or killed. */

const PREFIX = 'trus-session-';
const ANSWER_MS = 150;

/** @param {string} id of a session @returns {Promise<(() => void)|null>} gives it up; null: another tab has it */
export function claim(id) {
  return navigator.locks ? lock(id) : ask(id);
}

function lock(id) {
  return new Promise((resolve, reject) => {
    const held = (granted) => {
      if (!granted) return resolve(null);
      return new Promise((release) => resolve(release));
    };
    navigator.locks.request(PREFIX + id, { ifAvailable: true }, held).catch(reject);
  });
}

/** Without TLS on a clinic's server there are no locks: tabs ask each other. */
function ask(id) {
  const channel = new BroadcastChannel(PREFIX + id);
  return new Promise((resolve) => {
    const mine = () => {
      channel.onmessage = ({ data }) => data === 'whose' && channel.postMessage('mine');
      resolve(() => channel.close());
    };
    const timer = setTimeout(mine, ANSWER_MS);
    channel.onmessage = ({ data }) => {
      if (data !== 'mine') return;
      clearTimeout(timer);
      channel.close();
      resolve(null);
    };
    channel.postMessage('whose');
  });
}
