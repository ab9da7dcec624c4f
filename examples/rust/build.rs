// SPDX-License-Identifier: BSD-2-Clause
//! Compiles the core (`make vendor VENDOR=examples/rust/core`, or the directory in SALVAGE_CORE) with the C
//! compiler in CC, which for another target than the host's has to be that one's.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn variable(name: &str, otherwise: &str) -> String {
    println!("cargo:rerun-if-env-changed={name}");
    env::var(name).unwrap_or_else(|_| otherwise.to_string())
}

fn run(command: &mut Command) {
    let status = command
        .status()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}");
}

fn main() {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR").unwrap());
    let out = PathBuf::from(env::var("OUT_DIR").unwrap());
    let core = here.join(variable("SALVAGE_CORE", "core"));
    let (cc, ar) = (variable("CC", "cc"), variable("AR", "ar"));
    let list = fs::read_to_string(core.join("core.list")).unwrap_or_else(|_| {
        panic!(
            "{} has no core; run: make vendor VENDOR={}",
            core.display(),
            core.display()
        )
    });
    let sources = list
        .lines()
        .map(|name| core.join(name))
        .chain([here.join("src/glue.c")]);
    let mut objects = Vec::new();

    for (number, source) in sources.enumerate() {
        let object = out.join(format!("{number}.o"));
        run(Command::new(&cc)
            .args(["-std=c11", "-O2", "-fPIC", "-ffreestanding", "-c", "-o"])
            .args([&object, &source])
            .arg("-I")
            .arg(core.join("include")));
        println!("cargo:rerun-if-changed={}", source.display());
        objects.push(object);
    }
    let archive = out.join("libsalvage_core.a");
    let _ = fs::remove_file(&archive);
    run(Command::new(&ar).arg("rcs").arg(&archive).args(&objects));
    println!("cargo:rustc-link-search=native={}", Path::new(&out).display());
    println!("cargo:rustc-link-lib=static=salvage_core");
}
