//! Copies standard input to standard output and writes its invisible characters as escapes.

use std::io;

use daybook_text::is_invisible;

fn main() -> io::Result<()> {
    let text = io::read_to_string(io::stdin())?;
    for c in text.chars() {
        if is_invisible(c) && c != '\n' {
            print!("{}", c.escape_unicode());
        } else {
            print!("{c}");
        }
    }
    Ok(())
}
