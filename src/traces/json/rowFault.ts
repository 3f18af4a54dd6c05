/** Why a row of a file cannot be used. Thrown by the functions that read its fields, caught by who counts the rows. */
export class RowFault extends Error {
  constructor(readonly reason: string) {
    super(reason)
  }
}
