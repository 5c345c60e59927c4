"""The two extensions of the Cargo workspace; everything else is in setup.cfg."""

from setuptools import setup
from setuptools_rust import Binding, RustExtension


def extension(name, path, binding, **keywords):
    return RustExtension(
        name,
        path=path,
        binding=binding,
        # Builds with the versions in Cargo.lock, as tested.
        args=["--locked"],
        # An editable install is optimised too; SETUPTOOLS_RUST_CARGO_PROFILE chooses otherwise.
        debug=False,
        **keywords,
    )


setup(
    rust_extensions=[
        # The floor on one only: without Rust, setuptools-rust 1.13 fails to compare two of them.
        extension(
            "mypackage._native",
            "bindings/python/Cargo.toml",
            Binding.PyO3,
            rust_version=">=1.89",
        ),
        extension("mypackage._capi", "bindings/capi/Cargo.toml", Binding.NoBinding),
    ]
)
