//! Finds the end of a chunked body.

/// The position in a chunked body.
///
/// The states and the bytes between them are those of `h1/chunked.rs` in actix-http. Both therefore
/// find the same end. The trailer is the exception: actix-http takes any bytes for it, also a whole
/// request that a proxy sees behind a bare line feed. Here each line must be a field (RFC 9112,
/// section 7.1.2).
///
/// A number is the size of the chunk, or the rest of it in [`Chunked::Data`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chunked {
    /// Before the first digit of a size.
    Size,
    SizeRest(u64),
    /// In the spaces behind a size.
    SizeSpace(u64),
    Extension(u64),
    /// Before the line feed of the line with the size.
    SizeLf(u64),
    Data(u64),
    DataCr,
    DataLf,
    /// In the name of a field behind the last chunk.
    TrailerName,
    /// In the value of a field behind the last chunk.
    Trailer,
    TrailerLf,
    /// At the start of a line behind the last chunk.
    EndCr,
    EndLf,
    End,
    /// Behind a byte that no chunked body has there.
    Invalid,
}

impl Chunked {
    /// Advances over these bytes. Returns the number of bytes until the end of the body, or `None`
    /// if the body does not end in them.
    pub(crate) fn advance(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            match *self {
                Self::Data(left) => {
                    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - at);
                    at += taken;
                    let left = left - taken as u64;
                    *self = if left == 0 { Self::DataCr } else { Self::Data(left) };
                }
                Self::End | Self::Invalid => break,
                state => {
                    *self = state.step(*byte);
                    at += 1;
                }
            }
        }
        (*self == Self::End).then_some(at)
    }

    /// Returns the state behind a byte that is no data.
    fn step(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Size, _) => digit(byte).map_or(Self::Invalid, Self::SizeRest),
            (Self::SizeRest(size) | Self::SizeSpace(size), b'\t' | b' ') => Self::SizeSpace(size),
            (Self::SizeRest(size) | Self::SizeSpace(size), b';') => Self::Extension(size),
            (Self::SizeRest(size) | Self::SizeSpace(size) | Self::Extension(size), b'\r') => {
                Self::SizeLf(size)
            }
            (Self::SizeRest(size), _) => match (size.checked_mul(16), digit(byte)) {
                (Some(size), Some(digit)) => Self::SizeRest(size + digit),
                _ => Self::Invalid,
            },
            (Self::Extension(_), 0x00..=0x08 | 0x0a..=0x1f | 0x7f) => Self::Invalid,
            (Self::Extension(size), _) => Self::Extension(size),
            (Self::SizeLf(0) | Self::TrailerLf, b'\n') => Self::EndCr,
            (Self::SizeLf(size), b'\n') => Self::Data(size),
            (Self::DataCr, b'\r') => Self::DataLf,
            (Self::DataLf, b'\n') => Self::Size,
            (Self::EndCr, b'\r') => Self::EndLf,
            (Self::EndLf, b'\n') => Self::End,
            (Self::EndCr | Self::TrailerName, _) if is_token(byte) => Self::TrailerName,
            (Self::TrailerName, b':') => Self::Trailer,
            (Self::Trailer, b'\r') => Self::TrailerLf,
            (Self::Trailer, b'\t' | b' '..=b'~' | 0x80..) => Self::Trailer,
            _ => Self::Invalid,
        }
    }
}

/// Returns the value of a hexadecimal digit.
fn digit(byte: u8) -> Option<u64> {
    char::from(byte).to_digit(16).map(u64::from)
}

/// Returns true for the bytes of a field name (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests;
