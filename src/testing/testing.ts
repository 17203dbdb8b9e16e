/** `andon/testing`: the contract that every connector passes, and a kit for tests. See docs/connectors.md. */
export type { Connector, Delivery, Outcome, Verdict } from '../connectors/connector.js';
export {
  type Arrival,
  type Bench,
  type ContractCase,
  type ContractSubject,
  contractCases,
} from './contract.js';
export { deliveryOf } from './delivery.js';
export { type Drained, type KitOptions, TestAndon } from './kit.js';
export { openModule } from './module.js';
export { type Script, ScriptedConnector } from './scripted.js';
