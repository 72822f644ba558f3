/** What clients ask of the live volume, for those who work in the background: they give way to it. */
export class Traffic {
  /** Requests so far. */
  requests = 0;
  /** Whether clients wait for the end of the work. */
  waiting = false;
  readonly #pressing: () => boolean;

  /** @param pressing whether the work must be done without sleep, since clients soon would wait for it */
  constructor(pressing: () => boolean = () => false) {
    this.#pressing = pressing;
  }

  get pressing(): boolean {
    return this.waiting || this.#pressing();
  }
}
