import { AnywhenError } from '../base/errors.js';
import { crc32c } from '../format/checksum.js';
import { Reader, Writer } from '../format/cursor.js';
import { FILES, FORMAT_VERSION, FORWARD_HEADER_SIZE } from '../format/layout.js';

/*
 * The first 4 KiB of `forward`: magic "ANYFWD\0\0", u32 CRC32C of bytes 12..4096, u32 format version, store
 * uuid, zeros. The regions are named by the superblock.
 */
const HERE = { file: FILES.forward, offset: 0 };
const MAGIC = new TextEncoder().encode('ANYFWD\0\0');

export function encodeForwardHeader(uuid: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(FORWARD_HEADER_SIZE);
  new Writer(bytes).bytes(MAGIC).u32(0).u32(FORMAT_VERSION).bytes(uuid);
  const writer = new Writer(bytes);
  writer.offset = 8;
  writer.u32(crc32c(bytes.subarray(12)));
  return bytes;
}

/** The store that a forward journal belongs to. @throws `damaged`, `unsupported` */
export function decodeForwardHeader(bytes: Uint8Array): { readonly uuid: Uint8Array } {
  const reader = new Reader(bytes, 'forward');
  const magic = reader.bytes(8);
  const crc = reader.u32();
  if (!MAGIC.every((byte, index) => magic[index] === byte) || crc32c(bytes.subarray(12)) !== crc) {
    throw new AnywhenError('damaged', 'forward: the header is damaged', { data: HERE });
  }
  const version = reader.u32();
  if (version !== FORMAT_VERSION) throw new AnywhenError('unsupported', `forward: format version ${version}`);
  const uuid = reader.bytes(16).slice();
  reader.reserved(reader.remaining);
  return { uuid };
}

/** @throws `damaged` unless the bytes are the header of this store's forward journal */
export function checkForwardHeader(bytes: Uint8Array, uuid: Uint8Array): void {
  const header = decodeForwardHeader(bytes);
  if (!uuid.every((byte, index) => header.uuid[index] === byte)) {
    throw new AnywhenError('damaged', 'forward: belongs to another store', { data: HERE });
  }
}
