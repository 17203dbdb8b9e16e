import { Confirm, Field, Form } from './form.js';

/** Ids of elements: names of queues hold a dot, which is fine in an id. */
export const Pause = ({ name, token }: { name: string; token: string }) => (
  <Confirm
    id={`pause-${name}`}
    label="Pause"
    title={`Pause ${name}`}
    verb="Pause"
    action={`/queues/${name}/pause`}
    token={token}
    stay
  >
    <p>The item that runs now is finished; what comes meanwhile waits.</p>
    <Field label="Reason (others see it)">
      <input name="reason" maxlength={500} />
    </Field>
  </Confirm>
);

export const Resume = ({ name, token }: { name: string; token: string }) => (
  <Form action={`/queues/${name}/resume`} token={token} stay>
    <button type="submit">Resume</button>
  </Form>
);

export const Clear = ({ name, token, count }: { name: string; token: string; count: number }) => (
  <Confirm
    id={`clear-${name}`}
    label="Clear …"
    title={`Skip the ${count.toLocaleString('en')} item${count === 1 ? '' : 's'} waiting in ${name}?`}
    verb={`Skip ${count.toLocaleString('en')}`}
    action={`/queues/${name}/clear`}
    token={token}
    stay
    danger
  >
    <p>They are left undone, with your name and reason. A failed item stays where it is.</p>
    <Field label="Reason">
      <input name="reason" required maxlength={500} />
    </Field>
  </Confirm>
);
