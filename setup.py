"""The two extensions of the one crate; everything else is in setup.cfg."""

from setuptools import setup
from setuptools_rust import Binding, RustExtension


def extension(name, binding, feature):
    return RustExtension(
        name,
        path="Cargo.toml",
        binding=binding,
        features=[feature],
        # Builds with the versions in Cargo.lock, as tested.
        args=["--locked"],
        # An editable install is optimised too; SETUPTOOLS_RUST_CARGO_PROFILE chooses otherwise.
        debug=False,
        rust_version=">=1.88",
    )


setup(
    rust_extensions=[
        extension("mypackage._native", Binding.PyO3, "python"),
        extension("mypackage._capi", Binding.NoBinding, "capi"),
    ]
)
