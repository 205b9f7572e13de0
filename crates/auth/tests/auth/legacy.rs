//! Password hashes of services that came before, verified. What Python made:
//!
//! ```sh
//! python3 -m venv v && v/bin/pip install werkzeug==3.1.9 passlib==1.7.4 bcrypt==4.0.1
//! v/bin/python -c 'from werkzeug.security import *; print(generate_password_hash("pässwörd 1 \U0001F511", "scrypt"))'
//! v/bin/python -c 'import bcrypt; print(bcrypt.hashpw("pässwörd 1 \U0001F511".encode(), bcrypt.gensalt(12)))'
//! v/bin/python -c 'from passlib.hash import bcrypt; print(bcrypt.using(ident="2y").hash("pässwörd 1 \U0001F511"))'
//! ```

use daybook_auth::{Error, HashParameters, Hasher, HasherOptions, Password, PasswordHash, Verdict};
use futures_util::{FutureExt, future::join_all};
use proptest::{collection::vec, prelude::*, sample::Index};

use crate::passwords::changes;

const UNICODE: &str = "pässwörd 1 \u{1F511}";
const EMPTY: &str = "";
const PLAIN: &str = "correct horse 9";
/// An x and 60 times ä: 121 bytes, and the 72nd is the first half of a character.
const CUT: &str = "xääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää";
const WITH_NUL: &str = "a\0b";
/// As many bytes as bcrypt takes.
const FULL: &str = repeated(&[b'e'; 72]);
const LONG: &str = repeated(&[b'0'; 1000]);

const fn repeated(bytes: &'static [u8]) -> &'static str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => "",
    }
}

/// Of Werkzeug, the first as it makes them by default.
const SCRYPT: [(&str, &str); 19] = [
    (
        UNICODE,
        "scrypt:32768:8:1$j6yOXTN5lheB9rf4$0a95d5f649a6ab9e4bd222401671488aad16846d2bb273204fb65f2b5731a62de613948368c7f0b51c900d7217494d3afcaf58d906b348300ee8d455d3235005",
    ),
    (
        UNICODE,
        "scrypt:128:1:1$DLjUGWIuq3Osol8e$a020635f04970c743aa84a3fe5a2badf8fd8fe4f9c5fe8cc80e9e2972ccdff79a3484d636c638c03730b0793c2b38c709a1ce5f055af1438539144c5b037de81",
    ),
    (
        EMPTY,
        "scrypt:128:1:1$yuxsfPG9JPeSMmTa$9fb825b98def19fb5de26ee1639efb9e026ecc26c72ac5ba49a336d0ddb41d67e6d2a7ad27e2df4156d031f1c2c4e8403e252e50a026f2e8ba192ecb895f2d9b",
    ),
    (
        PLAIN,
        "scrypt:128:1:1$pxsDDaDOTNCraDbI$a6727600313c80fd94eccd1ff179fa8f06283d577e7da07005ed3532de059629277c6d61b1bfd630e11e4e084a10c5ee80fe3db3e796d286b8a895bef022e02b",
    ),
    (
        CUT,
        "scrypt:128:1:1$U9flCFG7lvDOwJCC$09c7e0ec0f0f95a1cd553f1e4b6db83c5b81bc42b84ab4720f267e4210a8b25806ed5552f87d911477dfb7d9a99b95ba758bd2bc2372b218f4179e4b4227df0a",
    ),
    (
        WITH_NUL,
        "scrypt:128:1:1$Y9OsUK7j8MpLve49$b326f2cbdfa7517a0ee08a96978b742bc8e044e76d4adae21529313ab54df9d27a9ce43428c938f23c4ab5ccd1b875c254047263b8ea2a4f4d4b32b6d532f23c",
    ),
    (
        FULL,
        "scrypt:128:1:1$dpIenJpvurVhe4mx$df11fd4bb0a0e1622b791f1ad28ce9366fb2c1c367c65da1960b1b744bfd3b2ed6ea515b4e48e38f0fa5eebffe0080efc4facabe82da573f08a12cc028b08476",
    ),
    (
        LONG,
        "scrypt:128:1:1$g0ma2t2oEZqiF1mD$5e2e4de16075ac90dd9c6cfe3df863fdbeece58a4405fd2be5db8f1ad7841c44809179b1bb711b39efa08188397ed652ca09660a4ca0602b7e03b48e48bf0b6e",
    ),
    (
        UNICODE,
        "scrypt:1024:4:3$xJiUCEL5$c6bbd3f07d3c7398454b44b030c0d06aadfd579dc6f724b0ff6bd1071de19c47f0e43de5897797cfa9357d31312163476963e8b21e5d3cc202566aa3f4cb94e7",
    ),
    (
        EMPTY,
        "scrypt:1024:4:3$JVaY1wE7$04b56ccfa5867e90ae8b13091fe35bbfadb2f8abc54914107a1fbee3db8b593ca4fd05c8e8c5ff45bf48557b716635842df963e296a436ec729e814dcfd6c062",
    ),
    (
        PLAIN,
        "scrypt:1024:4:3$tWzchlMQ$95c4b01113a9492b4fa6c4170a06550861ad59d36e9e4433d371264fd6cc63f54f22ef5fe7518efbea02a8fe60c40a3dad8b8431db0224fc71fee6f00c76703e",
    ),
    (
        CUT,
        "scrypt:1024:4:3$7LMznwBL$5fce779dedbe4f92f545849e1221f67434a08e4f33beece3cfbadda3c41b0fec11a1de4b71e7706a852951d3b536a680cc747bdc1d5b24dfcbaa14697d11615c",
    ),
    (
        WITH_NUL,
        "scrypt:1024:4:3$7jXpdmTy$86bb592529f6ee89b730b9601da598f885acf39bad045b5dbe76f4c8575827264759a69a34cdbbafc436dcc87e3bb9f37d9e837fb5e74d5902d2364436c44363",
    ),
    (
        FULL,
        "scrypt:1024:4:3$DaFEUdcU$968efcb070edf232e450deab53ee492727db2cbb70675c689214c67be823f72f305a9236047ad0b04b2f4e4226f3c27c4badd32aa035b4c918438e7398f428e1",
    ),
    (
        LONG,
        "scrypt:1024:4:3$oE3dTr7g$7133e73638eacdfd25dc84067b77c5cb629ae455ae534646166e45765e78709f0790c656d2856e10a37437f2a914876b46eccc7088fed4e775f8f787942da686",
    ),
    (
        UNICODE,
        "scrypt:16384:8:5$qS9eLK4RJ9N9C0L3$8c610395aa7d95eca55a6d6777ab228f2e9b69237dd1d42b6a3a9400b8a603a9d4faffd4b3c6b6c67318a049f7abee9ddcecba21f804169017731e3c6df80365",
    ),
    (
        UNICODE,
        "scrypt:65536:8:2$Wenky4knMlgIcZl8$2399bdd7f95acf96b9fcc43697346db942168ab3625cd0359e21b1b108a90c2f57666d5e7c5c52dcacabef9bfaeaccb8023c898f3c84d5cbeb13d00b607789ef",
    ),
    (
        UNICODE,
        "scrypt:2048:32:1$GAJ9Tppmm0etUB9D$c68121a840adb4347bb3014fcf66326833920d098f73f1ffda1c877996675563a69f0c7777801a9d34f48ab75df692da4a7095b06b13444b7bed7e57f9eedc5a",
    ),
    (
        UNICODE,
        "scrypt:256:1:1$sälz: €$f62175d7e37b71f7096218b1ebe6193aa34925feb476118c70bd2e377296a11e23e1a70ba3df9c79987c69f258338ec4b4a3e69a5539b2837ca8885038e28185",
    ),
];

/// Of Werkzeug: the defaults of 3.1, 2.3 and 2.0 among them, and one that does not say its million.
const PBKDF2: [(&str, &str); 18] = [
    (
        UNICODE,
        "pbkdf2:sha256:1000000$zPkLanHA1E0DBzti$172d518850ffadff24f88bf63040768e254877012e422f84518b0b0cf1d62d73",
    ),
    (
        UNICODE,
        "pbkdf2:sha256:1$GnsZHfMYiucQSZAg$77a2de7f319fc509526321a26b5a1921bb885764c8bf2730e18fca1097cb6502",
    ),
    (
        EMPTY,
        "pbkdf2:sha256:1$g5EqkeSTRDDN9iAq$67783e5be74554af725787319d608501d9895b036f7f8276c720425fea0af4e5",
    ),
    (
        PLAIN,
        "pbkdf2:sha256:1$eysTNyU7o2OXZzoz$ec1f9ab48b45bcae5ee4220c267c687d19c71ee4c67f92efb3484d0328e0dcab",
    ),
    (
        CUT,
        "pbkdf2:sha256:1$zmvXUqqhEubtVU8u$9c99e55bf7bbcfbe9ae98fc73af914b8fc7d018744ef4c2b1fda1313e9f5c487",
    ),
    (
        WITH_NUL,
        "pbkdf2:sha256:1$Hp9oRpmSz8sUMDVW$7cd2337cb68633279fcaec84a0fe4beaf0dc5e671af1bfb0b2060b19f7c60ee1",
    ),
    (
        FULL,
        "pbkdf2:sha256:1$P5X3dIeWTqqG28yr$67ce907545501623f0fae48f21c0b7a18d36d2b6c49483e6b8087ab551dfbf1c",
    ),
    (
        LONG,
        "pbkdf2:sha256:1$RT0QZVSFAxglyNAs$1e5ae2c9ad60bd4a825e05747d088f6eed599fd20815dd64e32ebc92b8dfea8a",
    ),
    (UNICODE, "pbkdf2:sha256:1000$M8yohjx3$b4d1333e4f0cdfa07f8e144eea28bceacac0894bc17244c9b9870e215f9fc27c"),
    (EMPTY, "pbkdf2:sha256:1000$FbZxBZ0I$b054ac5bd0740eecfd9e45916aca4b2d469e3defa4e510695ab767552f3d9838"),
    (PLAIN, "pbkdf2:sha256:1000$Gmsxhy8N$3f742b5f4da983af2dca305bd8b49cfe06a93853f808a922092466f2039e9cad"),
    (CUT, "pbkdf2:sha256:1000$Cw6gMd0H$2af8b14cf87e546cffdd7300d7ef56aad7b6fb65218d59b64b4d15a2f6d81473"),
    (
        WITH_NUL,
        "pbkdf2:sha256:1000$gyPGuoTx$b06148a8d952866129c7f81216b7acf47bf33d46e42fd057f73b4dedd74b9a4c",
    ),
    (FULL, "pbkdf2:sha256:1000$GcS1RvUS$bc22fe643540c7395b192ac8e41109d7b8c812546f682bd38e63be5f20350608"),
    (LONG, "pbkdf2:sha256:1000$nApoXxNa$4dfc7c288be0c2dc4b0a905157a8baf134266cc7fc0233a6f746d80f435de47a"),
    (
        UNICODE,
        "pbkdf2:sha256:260000$BBvViVLp1wLX2tlC$c894fe718eb8f35f1b3b593f848f8ae06c3bce989ec6004f2a74553ce7e8161d",
    ),
    (
        UNICODE,
        "pbkdf2:sha256:600000$QnGj1HHX0WPDuz1B$fd613337061bc1f0978d86d2a637eabc30e2b6024d874b48e15c7acccd49c3c2",
    ),
    (
        UNICODE,
        "pbkdf2:sha256$392QZhQ6CS1vZYgg$91894fa9621a7a8911802f9e4c73237d498634d6e21f57f355658793e023965d",
    ),
];

/// Of Python's bcrypt and passlib in turn, and the costs that are used.
const BCRYPT: [(&str, &str); 27] = [
    (UNICODE, "$2b$04$g/AyGs79hcfSkmR84wIaUuYIVZZW9cNcY0yxC.5qdnCPhHRxTTh9S"),
    (UNICODE, "$2a$05$6GCW0LksXQVLSM24mAJLzevHTOTm9UPsJ06CCzbldd.DShxCYgh26"),
    (UNICODE, "$2b$04$pf0hPs1ROlIlqTnnXBkbguog3oyRGUjQUgYyY2KeVnDAu7fIjMJba"),
    (UNICODE, "$2y$04$fYI2.LE1hFBKOsWsNZ31i.YluC7eewUHIvTCbZeFimVcq2kurbgdG"),
    (EMPTY, "$2b$04$9Dilw6z9UaEklKmbB7uE7.8XkOJMw7.xag.gjNNy2rFnI8mjOQN36"),
    (EMPTY, "$2a$05$7r.oMnwasqhJcFsVfwvmE.nB6sHsvkMgl0.i3pggSFv2WBDnX2xtO"),
    (EMPTY, "$2b$04$p.6cGR8FVZdlDcDgIuxEMOF.S7XZm7P4db2LCwZYLqlbOmB1ZfCNq"),
    (EMPTY, "$2y$04$jtKlxpyKmEYK/7z4J3zhKOiZiMnYA8qWyEkye8FndVb2CJWSqXprK"),
    (PLAIN, "$2b$04$X/Rnm1GiPyz5cpup2VujVuTA2QKLyxVL.wLl6B1BSTgvUIU.K8QrG"),
    (PLAIN, "$2a$05$F75INpnoFrQAzcj9aqlIBO/jyZVRaKfBpLOFbzr1h87sKNTnx5jw."),
    (PLAIN, "$2b$04$ENKh2mYmnyq/1JpkinIgre0MBK2rWs/KxBsfY0zC32qWHHs/sClNu"),
    (PLAIN, "$2y$04$DRYM6fUcimPT4/aFzD6ajuXiJW21ZKQXr95GBid3zPvSkZqkOmahO"),
    (CUT, "$2b$04$zgoMDnYQYVZyFL2J27cPzuzsU.ve8WOhvQfVjYB4cbjumGNe1jYpq"),
    (CUT, "$2a$05$4ZlSnlpU/KR/u0TFQdaeBekoowNG4putbZr1h3jekhaP12ZNd5T0u"),
    (CUT, "$2b$04$gOta3AHEjsAe6Ccz2pzBfO3Tlmzz42ALGyCgYB7cqnTc81Qy6jYiu"),
    (CUT, "$2y$04$3f7Oi/qblte6mmI55Z0Y1.GldDZVLv/3PXDq0KYIm91vWyVTDRK26"),
    (FULL, "$2b$04$zQcuFlzXUB74pPHCP2ARr.8NjXwVeKGX4izr68M1yvxCJYR5ZX5N2"),
    (FULL, "$2a$05$33KMcvlqivsR2SyJsqaGVeSaoMQdo9cZS2hEJUNdHmDmCdEzeGPxG"),
    (FULL, "$2b$04$oeSG0hktimFmdoDma8hzzO7Uuu7kTKsdWtaj3XLiHby1E4Z0mS/ly"),
    (FULL, "$2y$04$M6HvrS6qW6l4K3DPikZnZOoirGgCUmvmBuhSaW6BSTHI55pRQZUoK"),
    (LONG, "$2b$04$noK17BA5oFdvKVTLC6af/.BuYo1ZAxpG9bk4Cwbrr7i3NBJaswXc2"),
    (LONG, "$2a$05$NJ7ZSckqXJfkXibrRqkUn.cmHxzxr3JWZTeN33pXzLYS1MbHfDXgu"),
    (LONG, "$2b$04$wmSxuVFbiby8WVSfOO0yTen8hlCkHxy3F5hna0/2OqzJySJwHrEYm"),
    (LONG, "$2y$04$etGYr.PHTP6Ju4gB4Ud2iOlJ6ugYq3fiSny48Ubv2pXju84ourG1e"),
    (UNICODE, "$2b$12$Ct8QcuXgPsrd.7iVGqxsGuQ36t13u40QUWpwa7uF15kHYz1LUZzwK"),
    (UNICODE, "$2b$10$mM70axPHyh03gaMdVJKqc.JcHM5OAtxkLzmma6.02XH.gmWGz.PbW"),
    (UNICODE, "$2b$14$lIOzceYvkm86YKPNpUpMF.Jp/m209/b4V8pOu0RAMxMLTnybH/XoW"),
];

fn hasher() -> Hasher {
    Hasher::new(HasherOptions { parameters: HashParameters::FLOOR, threads: 2, queue: 64 }).unwrap()
}

async fn verify(hasher: &Hasher, password: &str, stored: &str) -> Result<Verdict, Error> {
    let stored = PasswordHash::from_stored(stored.to_owned());
    hasher.verify(Password::new(password.to_owned()), stored).await
}

/// What a right password is told.
fn right(password: &str, stored: &str) -> Verdict {
    let cut = stored.starts_with("$2") && password.len() > 72;
    if cut { Verdict::Right } else { Verdict::RightButOutdated }
}

async fn all_are_right(vectors: &[(&str, &str)]) {
    let hasher = hasher();
    let checks = vectors.iter().map(async |(password, stored)| {
        let verdict = verify(&hasher, password, stored).await.unwrap();
        assert_eq!(verdict, right(password, stored), "{stored}");
        let wrong = format!("!{password}");
        assert_eq!(verify(&hasher, &wrong, stored).await.unwrap(), Verdict::Wrong, "{stored}");
    });
    join_all(checks).await;
}

#[tokio::test]
async fn scrypt_of_werkzeug() {
    all_are_right(&SCRYPT).await;
}

#[tokio::test]
async fn pbkdf2_of_werkzeug() {
    all_are_right(&PBKDF2).await;
}

#[tokio::test]
async fn bcrypt_of_python() {
    all_are_right(&BCRYPT).await;
}

#[tokio::test]
async fn bcrypt_goes_by_the_first_72_bytes() {
    let hasher = hasher();
    for (password, stored) in BCRYPT.iter().filter(|(password, _)| password.len() >= 72) {
        let cut = &password.as_bytes()[..71];
        for (other, verdict) in [
            // Right, but not to be hashed again: it may not be what its owner has in mind.
            (format!("{password}!"), Verdict::Right),
            (format!("{password}\0"), Verdict::Wrong),
            (format!("!{password}"), Verdict::Wrong),
            (String::from_utf8(cut.to_vec()).unwrap(), Verdict::Wrong),
        ] {
            assert_eq!(verify(&hasher, &other, stored).await.unwrap(), verdict, "{other:?}");
        }
    }
}

/// bcrypt reads a password over and over, with a NUL between: without a check these would be the same.
#[tokio::test]
async fn bcrypt_has_no_nul() {
    let hasher = hasher();
    let stored = bcrypt::hash("a", 4).unwrap();
    assert_eq!(verify(&hasher, "a", &stored).await.unwrap(), Verdict::RightButOutdated);
    for other in ["a\0", "a\0a", "a\0a\0a", "\0a"] {
        assert_eq!(verify(&hasher, other, &stored).await.unwrap(), Verdict::Wrong, "{other:?}");
    }
}

/// Texts that look like hashes and are none that anybody should work on.
fn refused() -> Vec<String> {
    let salted = |method: &str, length| format!("{method}$j6yOXTN5lheB9rf4${}", "0f".repeat(length));
    let mut texts: Vec<String> = Vec::new();
    texts.extend(
        [
            "scrypt",
            "scrypt:",
            "scrypt:32768",
            "scrypt:32768:8",
            "scrypt:32768:8:1:1",
            "scrypt::32768:8:1",
            "scrypt:0:8:1",
            "scrypt:1:8:1",
            "scrypt:32767:8:1",
            "scrypt:32769:8:1",
            "scrypt:32768:0:1",
            "scrypt:32768:8:0",
            "scrypt:32768:8:5",
            "scrypt:131072:8:1",
            "scrypt:2147483648:8:1",
            "scrypt:4294967296:8:1",
            "scrypt:18446744073709551616:8:1",
            "scrypt:2:262144:1",
            "scrypt:2:4294967295:4294967295",
            "scrypt:2:1:1073741823",
            "scrypt:-32768:8:1",
            "scrypt:+32768:8:1",
            "scrypt:032768:8:1",
            "scrypt:32_768:8:1",
            "scrypt: 32768:8:1",
            "scrypt:32768.0:8:1",
            "scrypt:0x8000:8:1",
            "SCRYPT:32768:8:1",
            "$scrypt:32768:8:1",
            " scrypt:32768:8:1",
        ]
        .map(|method| salted(method, 64)),
    );
    texts.extend(
        [
            "pbkdf2",
            "pbkdf2:",
            "pbkdf2::1000",
            "pbkdf2:sha256:",
            "pbkdf2:sha256:0",
            "pbkdf2:sha256:-1",
            "pbkdf2:sha256:01",
            "pbkdf2:sha256:1e3",
            "pbkdf2:sha256:2000001",
            "pbkdf2:sha256:4294967297",
            "pbkdf2:sha256:1000:1",
            "pbkdf2:sha2561000",
            "pbkdf2:SHA256:1000",
            "pbkdf2:sha1:1000",
            "pbkdf2:sha512:1000",
            "pbkdf2:md5:1000",
            "pbkdf2_sha256:1000",
            "sha256",
            "md5",
            "plain",
        ]
        .map(|method| salted(method, 32)),
    );
    for (method, length) in [("scrypt:128:1:1", 64), ("pbkdf2:sha256:1", 32)] {
        let output = "0f".repeat(length);
        texts.extend(
            [
                "",
                "$",
                "$$",
                "$salt",
                "$salt$",
                &format!("${output}"),
                &format!("$${output}"),
                &format!("${}${output}", "s".repeat(65)),
                &format!("$salt${}", output.to_uppercase()),
                &format!("$salt${}", &output[1..]),
                &format!("$salt${}", &output[2..]),
                &format!("$salt$g{}", &output[1..]),
                &format!("$salt$ {}", &output[1..]),
                &format!("$salt${output}0f"),
                &format!("$salt${output}\n"),
                &format!("$salt${output}\0"),
                &format!("$salt${output}$"),
                &format!("$salt${output}${output}"),
            ]
            .map(|rest| format!("{method}{rest}")),
        );
    }
    let salt_and_output = "Ct8QcuXgPsrd.7iVGqxsGuQ36t13u40QUWpwa7uF15kHYz1LUZzwK";
    texts.extend(
        [
            "$2$12", "$2x$12", "$2c$12", "$2B$12", "$2b$03", "$2b$15", "$2b$31", "$2b$99", "$2b$+9", "$2b$4",
            "2b$12",
        ]
        .map(|head| format!("{head}${salt_and_output}")),
    );
    texts.extend([
        "$2b$12$".to_owned(),
        format!("$2b$12${}", &salt_and_output[1..]),
        format!("$2b$12${salt_and_output}K"),
        format!("$2b$12${salt_and_output}\n"),
        format!("$2b$12$!{}", &salt_and_output[1..]),
        format!("$2b$12$é{}", &salt_and_output[2..]),
        // Bits to spare that are not zero, after the salt and at the end.
        format!("$2b$12${}", salt_and_output.replacen("xsGu", "xsGv", 1)),
        format!("$2b$12${}", salt_and_output.replacen("ZzwK", "ZzwL", 1)),
        format!("$bcrypt-sha256$v=2,t=2b,r=12${salt_and_output}"),
    ]);
    texts.extend(
        [
            "$scrypt$ln=15,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$JnRWaKXFoD6lIGXIMfmHZ7tT1WmMnkgJPdQO2VW/3hE",
            "$7$CU..../....c2FsdHNhbHRzYWx0c2FsdA$JnRWaKXFoD6lIGXIMfmHZ7tT1WmMnkgJPdQO2VW",
            "$pbkdf2-sha256$29000$N2YMIWQsBWBMae09x1jrPQ$1t8iyB2A.WF/Z5JZv.lfCIhXXN33N23OSgQYThBYRfk",
            "pbkdf2_sha256$1000000$salt$JnRWaKXFoD6lIGXIMfmHZ7tT1WmMnkgJPdQO2VW/3hE=",
            "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
            "$6$salt$IxDD3jeSOb5eB1CX5LBsqZFVkJdido3OUILO5Ifz5iwMuTS4XMS130MTSuDDl3aCI6WouIL9AjRbLCelDCy.g.",
            "5f4dcc3b5aa765d61d8327deb882cf99",
            "{SSHA}0c0blFTXXNuAMHECS4uxrj3ZieMoWImr",
        ]
        .map(str::to_owned),
    );
    texts
}

#[tokio::test]
async fn what_is_refused_at_once() {
    let hasher = hasher();
    let texts = refused();
    assert!(texts.len() >= 30, "{}", texts.len());
    for stored in texts {
        // Ready without waiting: no thread has heard of it.
        let verdict = verify(&hasher, "a", &stored).now_or_never();
        assert!(matches!(verdict, Some(Err(Error::UnsupportedHash))), "{stored}");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn scrypt_hash(password: &str) -> String {
    let mut output = [0; 64];
    let params = scrypt::Params::new(1, 1, 1).unwrap();
    scrypt::scrypt(password.as_bytes(), b"salt", &params, &mut output).unwrap();
    format!("scrypt:2:1:1$salt${}", hex(&output))
}

fn pbkdf2_hash(password: &str) -> String {
    let output = pbkdf2::pbkdf2_hmac_array::<sha2::Sha256, 32>(password.as_bytes(), b"salt", 1);
    format!("pbkdf2:sha256:1$salt${}", hex(&output))
}

/// What of a password bcrypt looks at.
fn cut(password: &str) -> &[u8] {
    &password.as_bytes()[..password.len().min(72)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_change_of_one_character_fails(
        text in vec(any::<char>().prop_filter("bcrypt has none", |c| *c != '\0'), 1..40),
        place: Index,
        with: char,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let hasher = hasher();
            let original: String = text.iter().collect();
            let hashes =
                [scrypt_hash(&original), pbkdf2_hash(&original), bcrypt::hash(&original, 4).unwrap()];
            for stored in &hashes {
                assert_eq!(verify(&hasher, &original, stored).await.unwrap(), right(&original, stored));
                for changed in changes(&text, &place, with) {
                    let changed: String = changed.iter().collect();
                    let same_to_bcrypt = stored.starts_with("$2b$")
                        && cut(&changed) == cut(&original)
                        && !changed.contains('\0');
                    let verdict = if same_to_bcrypt { right(&changed, stored) } else { Verdict::Wrong };
                    let found = verify(&hasher, &changed, stored).await.unwrap();
                    assert_eq!(found, verdict, "{stored}: {original:?} became {changed:?}");
                }
            }
        });
    }
}
