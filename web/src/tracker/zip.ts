/** Several files as one archive, unpacked bytes as they are (APPNOTE 6.3.10, method 0), so that they are read together. */

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

async function crc32(file: Blob): Promise<number> {
  let sum = 0xffffffff;
  const reader = file.stream().getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read())
    for (const byte of part.value) sum = (sum >>> 8) ^ TABLE[(sum ^ byte) & 255]!;
  return ~sum >>> 0;
}

const UTF8 = 0x0800;
const VERSION = 20;
const DAY_1980 = 33;

/** Little-endian numbers: [value, bytes]. */
function packed(fields: [number, 2 | 4][]): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [, size]) => sum + size, 0)));
  let at = 0;
  for (const [value, size] of fields) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return new Uint8Array(view.buffer);
}

export async function zip(files: readonly File[]): Promise<Blob> {
  const parts: BlobPart[] = [];
  const listed: BlobPart[] = [];
  let offset = 0;
  for (const file of files) {
    const name = new TextEncoder().encode(file.name);
    const sum = await crc32(file);
    const about: [number, 2 | 4][] = [[UTF8, 2], [0, 2], [0, 2], [DAY_1980, 2], [sum, 4], [file.size, 4], [file.size, 4], [name.length, 2], [0, 2]];
    const head = packed([[0x04034b50, 4], [VERSION, 2], ...about]);
    parts.push(head, name, file);
    listed.push(packed([[0x02014b50, 4], [VERSION, 2], [VERSION, 2], ...about, [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]]), name);
    offset += head.length + name.length + file.size;
  }
  const index = new Blob(listed);
  const end = packed([[0x06054b50, 4], [0, 2], [0, 2], [files.length, 2], [files.length, 2], [index.size, 4], [offset, 4], [0, 2]]);
  return new Blob([...parts, index, end], { type: 'application/zip' });
}
