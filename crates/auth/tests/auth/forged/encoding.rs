//! Attacks through the encoding of a token: its parts, its signature, base64url, and its length.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use data_encoding::HEXLOWER;

use crate::forge::{CLAIMS, HEADER, NOW, base64, keys, sign, token, with_claim};

pub(super) fn other_shapes(attacks: &mut Vec<String>) {
    let good = token(HEADER, CLAIMS);
    let [header, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    attacks.extend(["", " ", ".", "..", "...", "....", "a.b.c", "null", "\0", "é.é.é"].map(str::to_owned));
    attacks.extend([
        header.to_owned(),
        format!("{header}.{claims}"),
        format!("{header}.{claims}."),
        format!("{header}..{signature}"),
        format!(".{claims}.{signature}"),
        format!("{header}.{signature}"),
        format!("{good}."),
        format!(".{good}"),
        format!("{header}..{claims}.{signature}"),
        format!("{good}.{signature}"),
        format!("{good}.{good}"),
        format!("{header}.{header}.{claims}.{signature}.{signature}"),
        format!("{}.{header}.{claims}.{signature}.{signature}", base64(r#"{"alg":"dir","enc":"A256GCM"}"#)),
        sign(&format!("{header}.{claims}.{claims}")),
        sign(header),
        format!("Bearer {good}"),
        format!("{good},{good}"),
        format!(r#"{{"protected":"{header}","payload":"{claims}","signature":"{signature}"}}"#),
    ]);
    attacks.extend(
        [" ", "\n", "\r\n", "\t", "\0", "\u{feff}", "\u{200b}", "\u{a0}", "%20"].into_iter().flat_map(
            |blank| {
                [
                    format!("{blank}{good}"),
                    format!("{good}{blank}"),
                    format!("{header}{blank}.{claims}.{signature}"),
                    format!("{header}.{claims}{blank}.{signature}"),
                    format!("{header}.{claims}.{blank}{signature}"),
                    sign(&format!("{header}{blank}.{claims}")),
                    sign(&format!("{header}.{}{blank}{}", &claims[..8], &claims[8..])),
                ]
            },
        ),
    );
}

pub(super) fn other_signatures(attacks: &mut Vec<String>) {
    let good = token(HEADER, CLAIMS);
    let (message, signature) = good.rsplit_once('.').unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let hex = HEXLOWER.encode(&bytes);
    attacks.extend(
        [
            base64(&bytes[..31]),
            base64(&bytes[..16]),
            base64(&bytes[..1]),
            base64([0; 32]),
            base64(bytes.repeat(2)),
            base64([bytes.as_slice(), b"\0"].concat()),
            base64(bytes.iter().rev().copied().collect::<Vec<_>>()),
            hex.clone(),
            base64(hex),
            format!("{signature}="),
            format!("{signature}AA"),
            base64(signature),
        ]
        .map(|signature| format!("{message}.{signature}")),
    );
}

/// The signatures match these spellings, so only the spelling is wrong.
pub(super) fn other_spellings_of_base64(attacks: &mut Vec<String>) {
    // With one byte more than a multiple of three, the last group has two characters. The second
    // one has four unused bits.
    let spare =
        |json: &str| json.replacen('{', &format!("{{{}", " ".repeat((3 + 1 - json.len() % 3) % 3)), 1);
    let (header, claims) = (spare(HEADER), spare(CLAIMS));
    assert_eq!((header.len() % 3, claims.len() % 3), (1, 1));
    assert!(keys().verify(&token(&header, &claims), NOW).is_ok(), "the JSON itself is accepted");
    let (header, claims) = (base64(header), base64(claims));
    let not_canonical = |part: &str| {
        let (rest, last) = part.split_at(part.len() - 1);
        let next = char::from(last.as_bytes()[0] + 1);
        format!("{rest}{next}")
    };
    attacks.extend([
        sign(&format!("{}.{claims}", not_canonical(&header))),
        sign(&format!("{header}.{}", not_canonical(&claims))),
        sign(&format!("{header}==.{claims}")),
        sign(&format!("{header}.{claims}==")),
        sign(&format!("{header}.{claims}A")),
        sign(&format!("{header}.{}", claims.replacen('e', "%65", 1))),
    ]);
    // The base64 of this claim has the two characters in which the alphabets differ.
    let odd = CLAIMS.replace("AAAAAAAAAAAAAAAAAAAAAA", "???>>>~~~ÿÿÿ");
    let standard = STANDARD.encode(&odd);
    assert!(standard.contains(['+', '/']));
    assert!(keys().verify(&token(HEADER, &odd), NOW).is_ok(), "the JSON itself is accepted");
    attacks.extend([sign(&format!("{}.{standard}", base64(HEADER)))]);
}

pub(super) fn longer_than_four_kib(attacks: &mut Vec<String>) {
    let with_length = |length: usize| with_claim("jti", &format!("{:?}", "A".repeat(length)));
    let fits = (2800..3100).rev().map(with_length).find(|token| token.len() <= 4096).unwrap();
    assert!(fits.len() > 4080 && keys().verify(&fits, NOW).is_ok());
    attacks.extend([with_length(3100), with_length(1_000_000)]);
    attacks.extend([
        "A".repeat(1 << 20),
        ".".repeat(1 << 20),
        format!("{}.{}.A", "e".repeat(9000), "e".repeat(9000)),
    ]);
}
