/** Where a Parquet file of ours keeps what its columns do not say: JSON under this key of its metadata. */
export const METADATA_KEY = 'shapewise'
export const METADATA_VERSION = 1
/** Who made a trace, in its footer; requests.parquet of a run says another word. */
export const WRITER = 'shapewise trace'
