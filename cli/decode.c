/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <salvage/insn.h>

#include "cli.h"

static const char *const isa_names[] = {[SV_A64] = "a64", [SV_A32] = "a32", [SV_T32] = "t32"};

static const char help[] =
	"usage: salvage decode [--isa=a64|a32|t32] [--json] [WORD...]\n\n"
	"Prints a line for each instruction word (hexadecimal, most significant digit first), or for each line of\n"
	"standard input if none is given: the word, its disassembly, its class, isv=1 if KVM learns from the CPU what the\n"
	"instruction accesses and isv=0 if it does not, direction, and elements as COUNTxBYTES (s: sign-extended).\n"
	"\"refused\" marks what this version decodes and does not perform,\n"
	"\"unpredictable\" encodings that are CONSTRAINED UNPREDICTABLE, \"-\" what is not a load or store.\n\n"
	"  --isa=ISA  instruction set; this version decodes a64, the default\n"
	"  --json     one JSON object a line\n\n"
	"Exit status: 0; 1 if a word could not be read; 100 for an option that is unknown or not supported.\n";

static const char *direction(const struct sv_row *row)
{
	if (row->flags & SV_ROW_STORE)
		return row->flags & SV_ROW_LOAD ? "rw" : "w";
	return "r";
}

static void print_text(uint32_t word, const struct sv_insn *insn, const char *text)
{
	const struct sv_row *row = insn ? insn->row : NULL;

	if (!row) {
		printf("%08x  -\n", word);
		return;
	}
	printf("%08x  %-32s  %-12s  isv=%d  %s ", word, text, sv_class_name(row->iclass),
	       !!(row->flags & SV_ROW_ISV), direction(row));
	if (insn->count)
		printf("%ux%u", insn->count, insn->esize);
	else
		printf("vx%u", insn->esize);
	printf("%s%s%s\n", row->flags & SV_ROW_SIGNED ? "s" : "", row->refusal ? "  refused" : "",
	       insn->unpredictable ? "  unpredictable" : "");
}

static int print_json(uint32_t word, const struct sv_insn *insn, const char *text)
{
	const struct sv_row *row = insn ? insn->row : NULL;
	char hex[9];
	json_t *line;
	int failed;

	snprintf(hex, sizeof(hex), "%08x", word);
	if (row)
		line = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:i, s:i, s:b, s:b, s:s}", "word", hex,
				 "text", text, "encoding", sv_row_name(row), "feature", sv_row_feature(row),
				 "class", sv_class_name(row->iclass), "isv", !!(row->flags & SV_ROW_ISV),
				 "dir", direction(row), "count", insn->count, "size", insn->esize, "signed",
				 !!(row->flags & SV_ROW_SIGNED), "unpredictable", insn->unpredictable,
				 "refused", sv_refusal_text(row->refusal));
	else
		line = json_pack("{s:s, s:n}", "word", hex, "text");
	failed = !line || json_dumpf(line, stdout, JSON_COMPACT);
	json_decref(line);
	putchar('\n');
	return failed ? cli_fail(CLI_INTERNAL, "decode", "out of memory or the output could not be written")
		      : 0;
}

/* Names a word that could not be read; what came on standard input may be anything, of any length. */
static int refuse(const char *text)
{
	char shown[32];
	size_t i;

	for (i = 0; text[i] && i < sizeof(shown) - 1; i++)
		shown[i] = isprint((unsigned char)text[i]) ? text[i] : '?';
	shown[i] = 0;
	return cli_fail(1, shown,
			"not an instruction word; expected up to 8 hexadecimal digits, such as a9400801");
}

/* Decodes one word as the user wrote it. */
static int decode(enum sv_isa isa, bool json, const char *text)
{
	struct sv_insn insn;
	char buffer[SV_INSN_TEXT];
	uint64_t word;
	bool known;

	if (!cli_hex(text, &word) || word > UINT32_MAX)
		return refuse(text);
	known = sv_decode(isa, (uint32_t)word, &insn) == SV_OK;
	if (known)
		sv_insn_format(&insn, 0, buffer, sizeof(buffer));
	if (json)
		return print_json((uint32_t)word, known ? &insn : NULL, buffer);
	print_text((uint32_t)word, known ? &insn : NULL, buffer);
	return 0;
}

/* Words from standard input; blank lines are skipped. */
static int decode_lines(enum sv_isa isa, bool json)
{
	char *line = NULL;
	size_t size = 0;
	int status = 0;
	ssize_t length;

	while ((length = getline(&line, &size, stdin)) >= 0) {
		char *text = line, *end = line + length;

		while (end > text && isspace((unsigned char)end[-1]))
			*--end = 0;
		while (isspace((unsigned char)*text))
			text++;
		/* A NUL inside must not hide what follows it. */
		if (text + strlen(text) != end)
			status =
				cli_fail(1, "standard input", "a line holds a NUL; expected one word a line");
		else if (*text && decode(isa, json, text))
			status = 1;
	}
	free(line);
	if (ferror(stdin))
		status = cli_fail(1, "standard input", "%s", strerror(errno));
	return status;
}

int cli_decode(int argc, char **argv)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'},
		{"isa", required_argument, NULL, 'i'},
		{"json", no_argument, NULL, 'j'},
		{0},
	};
	enum sv_isa isa = SV_A64;
	bool json = false;
	int status = 0, option;
	size_t rows;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		switch (option) {
		case 'h':
			fputs(help, stdout);
			return 0;
		case 'i':
			for (isa = SV_A64; isa <= SV_T32 && strcmp(optarg, isa_names[isa]);)
				isa++;
			if (isa > SV_T32)
				return cli_fail(CLI_USAGE, optarg,
						"no such instruction set; there are a64, a32 and t32");
			if (!sv_rows(isa, &rows))
				return cli_fail(CLI_USAGE, optarg,
						"this version has no decoder for it; it decodes a64");
			break;
		case 'j':
			json = true;
			break;
		default:
			return cli_fail(
				CLI_USAGE, argv[optind - 1],
				"not an option or its value is missing; \"salvage decode --help\" lists them");
		}
	}
	if (optind == argc)
		status = decode_lines(isa, json);
	for (int i = optind; i < argc; i++)
		if (decode(isa, json, argv[i]))
			status = 1;
	if (fflush(stdout) || ferror(stdout))
		return cli_fail(1, "standard output", "%s", strerror(errno));
	return status;
}
