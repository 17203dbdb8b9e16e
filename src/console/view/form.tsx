import type { ComponentChildren } from 'preact';

/** A form that changes something. `stay`: the script sends it and refreshes the page in place. */
export function Form({
  action,
  token,
  stay = false,
  children,
  class: looks,
}: {
  action: string;
  token: string;
  stay?: boolean;
  children: ComponentChildren;
  class?: string;
}) {
  return (
    <form method="post" action={action} data-stay={stay ? '' : undefined} class={looks}>
      <input type="hidden" name="_token" value={token} />
      {children}
    </form>
  );
}

/** A labelled field with what there is to say about it. */
export function Field({
  label,
  hint,
  children,
}: {
  label: string;
  hint?: string;
  children: ComponentChildren;
}) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is among the children
    <label class="field">
      <span class="label">{label}</span>
      {children}
      {hint ? <span class="hint">{hint}</span> : null}
    </label>
  );
}

/** What is said at the reason of a skip: `always` and `withScope` say when it is asked for. */
export const reasonHint = (always: boolean, withScope: boolean): string =>
  withScope && !always
    ? 'Needed where queued adds or deletes go along; stands in the audit and with every item that goes'
    : 'Stands in the audit and with every item that goes';

/** A field to narrow a list: one of these, or all. */
export const OneOf = ({
  label,
  name,
  options,
  chosen,
}: {
  label: string;
  name: string;
  options: readonly string[];
  chosen: string | undefined;
}) => (
  <Field label={label}>
    <select name={name}>
      <option value="">All</option>
      {options.map((one) => (
        <option key={one} value={one} selected={one === chosen}>
          {one}
        </option>
      ))}
    </select>
  </Field>
);

/** The end of a form about an item: do it, or go back to the item. */
export const DoOrLeave = ({
  verb,
  danger = false,
  queueId,
}: {
  verb: string;
  danger?: boolean;
  queueId: number;
}) => (
  <p class="buttons">
    <button type="submit" class={danger ? 'danger' : 'primary'}>
      {verb}
    </button>
    <a class="button" href={`/items/${queueId}`}>
      Leave it as it is
    </a>
  </p>
);

/**
 * A button that asks first: it opens a dialog with a form, so that nothing happens by one slip.
 * `children` may hold more fields, such as a reason. Not within a <p>: browsers end that before a dialog.
 */
export function Confirm({
  id,
  label,
  title,
  verb,
  action,
  token,
  stay = false,
  danger = false,
  children,
}: {
  /** Unique on the page. */
  id: string;
  /** On the button. */
  label: string;
  title: string;
  /** On the button in the dialog that does it. */
  verb: string;
  action: string;
  token: string;
  stay?: boolean;
  danger?: boolean;
  children?: ComponentChildren;
}) {
  return (
    <>
      <button type="button" data-opens={id} class={danger ? 'danger quiet' : undefined}>
        {label}
      </button>
      <dialog id={id} aria-labelledby={`${id}-title`}>
        <Form action={action} token={token} stay={stay}>
          <h2 id={`${id}-title`}>{title}</h2>
          {children}
          <p class="buttons">
            <button type="submit" class={danger ? 'danger' : 'primary'}>
              {verb}
            </button>
            <button type="button" data-closes>
              Cancel
            </button>
          </p>
        </Form>
      </dialog>
    </>
  );
}
