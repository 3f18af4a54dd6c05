/** Thrift's compact protocol, as far as Parquet's page headers and footer need it (github.com/apache/thrift, doc/specs/thrift-compact-protocol.md). */

const I32 = 5
const I64 = 6
const BINARY = 8
const LIST = 9
const STRUCT = 12

type Write = (writer: CompactWriter) => void

/** Fields of one struct after the other, in ascending order of their numbers. */
export class CompactWriter {
  private readonly bytes: number[] = []
  private lastField = 0

  i32(field: number, value: number): void {
    this.field(field, I32)
    this.zigzag(value)
  }

  /** Whole numbers up to 2^52. */
  i64(field: number, value: number): void {
    this.field(field, I64)
    this.zigzag(value)
  }

  text(field: number, value: string): void {
    this.field(field, BINARY)
    this.binary(value)
  }

  struct(field: number, write: Write): void {
    this.field(field, STRUCT)
    this.fieldsOf(write)
  }

  i32List(field: number, values: readonly number[]): void {
    this.list(field, I32, values.length)
    for (const value of values) this.zigzag(value)
  }

  textList(field: number, values: readonly string[]): void {
    this.list(field, BINARY, values.length)
    for (const value of values) this.binary(value)
  }

  structList(field: number, writes: readonly Write[]): void {
    this.list(field, STRUCT, writes.length)
    for (const write of writes) this.fieldsOf(write)
  }

  private field(field: number, type: number): void {
    this.bytes.push(((field - this.lastField) << 4) | type)
    this.lastField = field
  }

  private list(field: number, type: number, length: number): void {
    this.field(field, LIST)
    if (length < 15) this.bytes.push((length << 4) | type)
    else {
      this.bytes.push(0xf0 | type)
      this.varint(length)
    }
  }

  private fieldsOf(write: Write): void {
    const outer = this.lastField
    this.lastField = 0
    write(this)
    this.bytes.push(0)
    this.lastField = outer
  }

  private binary(value: string): void {
    const utf8 = new TextEncoder().encode(value)
    this.varint(utf8.length)
    this.bytes.push(...utf8)
  }

  /** None of our numbers is negative, so their zigzag form is their double. */
  private zigzag(value: number): void {
    this.varint(2 * value)
  }

  private varint(value: number): void {
    let left = value
    for (; left >= 128; left = Math.floor(left / 128)) this.bytes.push(128 + (left % 128))
    this.bytes.push(left)
  }

  /** The bytes of the struct, with its end. */
  static bytesOf(write: Write): Uint8Array {
    const writer = new CompactWriter()
    writer.fieldsOf(write)
    return Uint8Array.from(writer.bytes)
  }
}
