import type { ComponentChildren } from 'preact';

/**
 * A list to walk with the keyboard. In each row (`data-key`) one link has `data-row`; what `data-verb="r"`
 * stands on is pressed by r.
 */
export const Keyed = ({ label, children }: { label: string; children: ComponentChildren }) => (
  <ul class="rows" data-keyed aria-label={label}>
    {children}
  </ul>
);

const keys: readonly (readonly [key: string, does: string])[] = [
  ['j', 'next row'],
  ['k', 'row before'],
  ['Enter', 'open it'],
  ['r', 'retry the item, or resume the queue'],
  ['s', 'to skipping it, with a preview'],
  ['t', 'I look after it: others see that'],
  ['/', 'search'],
  ['?', 'this help'],
];

export const KeyHelp = () => (
  <dialog id="keys" aria-labelledby="keys-title" data-key-help>
    <h2 id="keys-title">Keys</h2>
    <dl class="facts">
      {keys.map(([key, does]) => (
        <div key={key}>
          <dt>
            <kbd>{key}</kbd>
          </dt>
          <dd>{does}</dd>
        </div>
      ))}
    </dl>
    <p class="buttons">
      <button type="button" data-closes>
        Close
      </button>
    </p>
  </dialog>
);
