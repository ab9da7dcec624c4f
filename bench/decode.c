/* SPDX-License-Identifier: BSD-2-Clause */
/* Nanoseconds a word: ours, and Capstone's where it is built in. Capstone cannot decode without printing. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <salvage/insn.h>

#include "bench.h"

#ifdef HAVE_CAPSTONE
#include <capstone/capstone.h>
#endif

#define WORDS   (1 << 17)
#define REPEATS 21

static uint32_t words[WORDS];

/*
 * What a decoder makes of all words: how many it took, and a sum, so that the compiler can leave nothing
 * out.
 */
struct outcome {
	unsigned taken;
	uint64_t sum;
};

static volatile uint64_t sink;

static struct outcome decode(void *unused)
{
	struct outcome outcome = {0, 0};

	for (size_t i = 0; i < WORDS; i++) {
		struct sv_insn insn;

		if (sv_decode(SV_A64, words[i], &insn) != SV_OK)
			continue;
		outcome.taken++;
		outcome.sum += (uint64_t)insn.imm + insn.Rt + insn.Rn + insn.unpredictable;
	}
	return outcome;
}

/* "Is it a load or store, and does the CPU describe it?" */
static struct outcome classify(void *unused)
{
	struct outcome outcome = {0, 0};

	for (size_t i = 0; i < WORDS; i++) {
		const struct sv_row *row = sv_classify(SV_A64, words[i]);

		if (!row)
			continue;
		outcome.taken++;
		outcome.sum += row->flags & SV_ROW_ISV;
	}
	return outcome;
}

static struct outcome decode_and_print(void *unused)
{
	struct outcome outcome = {0, 0};

	for (size_t i = 0; i < WORDS; i++) {
		struct sv_insn insn;
		char text[SV_INSN_TEXT];

		if (sv_decode(SV_A64, words[i], &insn) != SV_OK)
			continue;
		outcome.taken++;
		outcome.sum += sv_insn_format(&insn, 0, text, sizeof(text)) + (unsigned char)text[0];
	}
	return outcome;
}

#ifdef HAVE_CAPSTONE
struct capstone {
	csh handle;
	cs_insn *insn;
};

static struct outcome capstone(void *opaque)
{
	struct capstone *capstone = opaque;
	struct outcome outcome = {0, 0};

	for (size_t i = 0; i < WORDS; i++) {
		const uint8_t bytes[] = {words[i], words[i] >> 8, words[i] >> 16, words[i] >> 24},
			      *at = bytes;
		size_t size = sizeof(bytes);
		uint64_t address = 0;

		if (!cs_disasm_iter(capstone->handle, &at, &size, &address, capstone->insn))
			continue;
		outcome.taken++;
		outcome.sum += capstone->insn->id + (unsigned char)capstone->insn->op_str[0];
	}
	return outcome;
}

static bool capstone_open(struct capstone *capstone, bool detail)
{
	if (cs_open(CS_ARCH_ARM64, CS_MODE_LITTLE_ENDIAN, &capstone->handle) != CS_ERR_OK)
		return false;
	cs_option(capstone->handle, CS_OPT_DETAIL, detail ? CS_OPT_ON : CS_OPT_OFF);
	capstone->insn = cs_malloc(capstone->handle);
	return capstone->insn;
}

static struct capstone plain, detailed;
#endif

static const struct {
	const char *name;
	struct outcome (*run)(void *);
	void *opaque;
} decoders[] = {
	{"salvage", decode, NULL},
	{"salvage, classify", classify, NULL},
	{"salvage, printed", decode_and_print, NULL},
#ifdef HAVE_CAPSTONE
	{"Capstone", capstone, &plain},
	{"Capstone, detail", capstone, &detailed},
#endif
};

#define DECODERS (sizeof(decoders) / sizeof(*decoders))

static void fill_random(uint64_t *state)
{
	for (size_t i = 0; i < WORDS; i++)
		words[i] = (uint32_t)(bench_random(state) >> 32);
}

/* The load and store group of DDI 0487, C4.1: bit 27 set, bit 25 clear. */
static void fill_group(uint64_t *state)
{
	fill_random(state);
	for (size_t i = 0; i < WORDS; i++)
		words[i] = (words[i] | 1u << 27) & ~(1u << 25);
}

/* Rows in random order, fields at random: every word is taken. */
static void fill_rows(uint64_t *state)
{
	size_t count;
	const struct sv_row *rows = sv_rows(SV_A64, &count);

	fill_random(state);
	for (size_t i = 0; i < WORDS; i++) {
		const struct sv_row *row = &rows[bench_random(state) % count];

		words[i] = (words[i] & ~row->mask) | row->value;
	}
}

/* Consecutive words, beginning with ldr x0, [x0]. */
static void fill_sequential(uint64_t *state)
{
	for (uint32_t i = 0; i < WORDS; i++)
		words[i] = 0xf9400000 + i;
}

static const struct {
	const char *name;
	void (*fill)(uint64_t *state);
} streams[] = {
	{"random", fill_random},
	{"load/store group", fill_group},
	{"random operands", fill_rows},
	{"sequential", fill_sequential},
};

int bench_decode(void)
{
#ifdef HAVE_CAPSTONE
	int major, minor;

	cs_version(&major, &minor);
	if (!capstone_open(&plain, false) || !capstone_open(&detailed, true)) {
		return bench_fail("decode", "libcapstone does not decode arm64; install one that does");
	}
	printf("Capstone %d.%d. ", major, minor);
#else
	printf("Built without Capstone (Debian package libcapstone-dev): no comparison. ");
#endif
	printf("ns a word: medians of %d interleaved runs over %d words; ratio: time over salvage's\n\n",
	       REPEATS, WORDS);
	printf("%-18s%-18s%9s%9s%10s\n", "words", "decoder", "ns/word", "ratio", "taken");
	for (size_t s = 0; s < sizeof(streams) / sizeof(*streams); s++) {
		double times[DECODERS][REPEATS], ours = 0;
		struct outcome outcomes[DECODERS];
		uint64_t state = 1;

		streams[s].fill(&state);
		for (size_t repeat = 0; repeat < REPEATS; repeat++) {
			for (size_t d = 0; d < DECODERS; d++) {
				uint64_t start = bench_now();

				outcomes[d] = decoders[d].run(decoders[d].opaque);
				times[d][repeat] = (double)(bench_now() - start) / WORDS;
				sink = outcomes[d].sum;
			}
		}
		for (size_t d = 0; d < DECODERS; d++) {
			double median = bench_median(times[d], REPEATS);

			if (!d)
				ours = median;
			printf("%-18s%-18s%9.2f%9.1f%9.1f%%\n", d ? "" : streams[s].name, decoders[d].name,
			       median, median / ours, 100.0 * outcomes[d].taken / WORDS);
		}
	}
#ifdef HAVE_CAPSTONE
	cs_free(plain.insn, 1);
	cs_free(detailed.insn, 1);
	cs_close(&plain.handle);
	cs_close(&detailed.handle);
#endif
	return 0;
}
