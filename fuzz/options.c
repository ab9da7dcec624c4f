/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of "salvage run", an argument a line; and each argument as that of --sea. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/run.h"
#include "vmm/platform.h"

#include "fuzz.h"

#define ARGUMENTS 24

static void check_sea(const char *text)
{
	struct vmm_sea_error error;
	struct vmm_sea sea;

	if (!vmm_sea_parse(text, &sea, &error)) {
		claim(error.why && error.column >= 1 && error.column <= strlen(text) + 1);
		return;
	}
	claim(!error.why && sea.text == text && !(sea.gpa % 4096));
	claim(sea.times >= 1 && sea.times <= VMM_SEA_TIMES_MAX);
	claim(!sea.claimed || (!sea.fnv && !sea.insn && sea.times == 1));
}

static void check_options(const struct run_options *options)
{
	const struct vmm_config *vmm = &options->vmm;

	if (options->help)
		return;
	claim(options->dump_dtb || (vmm->guest && *vmm->guest));
	claim(vmm->memory >= 1 << 20 && !(vmm->memory % 65536) && vmm->memory <= UINT64_C(1) << 48);
	claim(vmm->vcpus >= 1 && vmm->vcpus <= VMM_VCPUS_MAX);
	claim(options->backend <= RUN_LAB);
	claim(!options->ledger || !vmm->journal);
	claim(vmm->sea_count <= ARGUMENTS && options->policy_count <= ARGUMENTS);
	for (size_t i = 0; i < vmm->sea_count; i++)
		claim(vmm->sea[i].gpa >= VMM_RAM_BASE && vmm->sea[i].gpa - VMM_RAM_BASE < vmm->memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *line = text, *argv[ARGUMENTS + 2] = {(char *)"run"};
	struct run_options options;
	struct fuzz_stream said;
	int argc = 1, status;

	claim(text);
	memcpy(text, data, size);
	text[size] = 0;
	while (argc < ARGUMENTS && *line) {
		char *end = strchr(line, '\n');

		if (end)
			*end = 0;
		/* A file of rules is for policy.c: this would read any file there is. */
		if (*line != '@' && !strstr(line, "=@"))
			argv[argc++] = line;
		if (!end)
			break;
		line = end + 1;
	}
	for (int i = 1; i < argc; i++)
		check_sea(argv[i]);
	fuzz_streams_begin();
	status = run_options_parse(argc, argv, &options);
	said = fuzz_complained();
	claim(status == 0 || status == CLI_USAGE);
	claim(said.ended && said.lines == (status != 0));
	if (!status)
		check_options(&options);
	run_options_free(&options);
	free(text);
	return 0;
}
