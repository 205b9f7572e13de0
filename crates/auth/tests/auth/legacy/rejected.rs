//! Texts that resemble hashes, but have another format or a parameter over its limit.

pub(super) fn texts() -> Vec<String> {
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
        // Unused bits that are not zero, after the salt and at the end.
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
