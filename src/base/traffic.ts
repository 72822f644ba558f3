/** What clients ask of the live volume, for those who work in the background: they give way to it. */
export class Traffic {
  /** Requests so far. */
  requests = 0;
  readonly #pressing: () => boolean;

  /** @param pressing whether the work in the background must not wait, since clients soon would have to wait for it */
  constructor(pressing: () => boolean = () => false) {
    this.#pressing = pressing;
  }

  get pressing(): boolean {
    return this.#pressing();
  }
}
