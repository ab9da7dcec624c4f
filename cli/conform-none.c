/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli.h"

int cli_conform(int argc, char **argv)
{
	return cli_fail(CLI_UNAVAILABLE, "conform",
			"built without an arm64 compiler, which makes the suite's guests; install "
			"gcc-aarch64-linux-gnu and build again");
}
