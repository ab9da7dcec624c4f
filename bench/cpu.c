/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * softkvm's CPU: guest instructions a second, of programs as compilers make them; and what an exit costs.
 * Each program is one of the C functions here, as gcc 12 -O2 -mgeneral-regs-only made it, at EL1 with the
 * MMU on; what the function says is what the guest has to say.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cpu.h>

#include "bench.h"

#define RAM       UINT64_C(0x40000000)
#define RAM_BYTES 0x40000
#define TABLES    0x1000 /* from RAM on: levels 1 to 3 */
#define CODE      0x8000
#define DATA      0x10000
#define HOLE      0x3f000   /* a page that stage 1 maps to nowhere */
#define MOST      100000000 /* instructions of a program */

/* The primes below n. */
static uint64_t sieve(uint8_t *flags, uint64_t n)
{
	uint64_t count = 0;

	for (uint64_t i = 2; i < n; i++)
		flags[i] = 1;
	for (uint64_t i = 2; i < n; i++) {
		if (!flags[i])
			continue;
		count++;
		for (uint64_t j = i * 2; j < n; j += i)
			flags[j] = 0;
	}
	return count;
}

static const uint32_t sieve_words[] = {
	0xaa0003e4, 0xf100083f, 0x540003e9, 0x91000800, 0x8b010083, 0x52800022, 0x38001402, 0xeb00007f,
	0x54ffffc1, 0xd2800085, 0xd2800043, 0xd2800000, 0x14000005, 0x91000463, 0x910008a5, 0xeb03003f,
	0x54000200, 0x38636882, 0x34ffff62, 0x91000400, 0xeb0100bf, 0x54ffff02, 0xaa0503e2, 0xd503201f,
	0x3822689f, 0x8b030042, 0xeb02003f, 0x54ffffa8, 0x91000463, 0x910008a5, 0xeb03003f, 0x54fffe41,
	0xd65f03c0, 0xd2800000, 0xd65f03c0, 0xd503201f,
};

/* Random numbers, sorted by insertion: the one in the middle. */
static uint64_t sort(uint64_t *a, uint64_t n)
{
	uint64_t seed = 1;

	for (uint64_t i = 0; i < n; i++) {
		seed = seed * 6364136223846793005 + 1442695040888963407;
		a[i] = seed >> 33;
	}
	for (uint64_t i = 1; i < n; i++) {
		uint64_t v = a[i], j = i;

		for (; j > 0 && a[j - 1] > v; j--)
			a[j] = a[j - 1];
		a[j] = v;
	}
	return a[n / 2];
}

static const uint32_t sort_words[] = {
	0xb40004c1, 0xd28fe5a6, 0xd29029e5, 0xf2a992a6, 0xf2beece5, 0xf2de85a6, 0xf2cf6fc5, 0x8b010c07,
	0xaa0003e3, 0xd2800022, 0xf2eb0a26, 0xf2e280a5, 0x9b061442, 0xd361fc44, 0xf8008464, 0xeb07007f,
	0x54ffff81, 0xf100043f, 0x54000280, 0x91002006, 0xd2800027, 0xd503201f, 0xf94000c5, 0xaa0603e2,
	0x14000005, 0xf9000043, 0xd1002082, 0xeb02001f, 0x540001a0, 0xf85f8043, 0xaa0203e4, 0xeb05007f,
	0x54ffff28, 0x910004e7, 0xf9000085, 0x910020c6, 0xeb07003f, 0x54fffe21, 0xd341fc21, 0xf8617800,
	0xd65f03c0, 0xaa0003e4, 0x910004e7, 0x910020c6, 0xf9000085, 0xeb07003f, 0x54fffd01, 0x17fffff7,
};

/* Steps that numbers below n take to 1. */
static uint64_t collatz(uint64_t n)
{
	uint64_t total = 0;

	for (uint64_t i = 1; i < n; i++)
		for (uint64_t x = i; x != 1; total++)
			x = x & 1 ? 3 * x + 1 : x >> 1;
	return total;
}

static const uint32_t collatz_words[] = {
	0xaa0003e4, 0xd2800023, 0xd2800000, 0xeb03009f, 0x54000209, 0x91000463, 0xeb03009f,
	0x540001a0, 0xaa0303e1, 0xd503201f, 0xf240003f, 0x8b010422, 0xd341fc21, 0x91000400,
	0x9a820421, 0xf100043f, 0x54ffff41, 0x91000463, 0xeb03009f, 0x54fffea1, 0xd65f03c0,
};

#define HVC 0xd4000002
#define LDP 0xa9400801 /* ldp x1, x2, [x0] */

static const uint32_t ldp_words[] = {LDP};

struct board {
	uint8_t *ram;
	_Atomic uint64_t generation;
};

static bool page(void *opaque, uint64_t ipa, struct soft_lookup lookup, struct soft_page *out)
{
	struct board *board = opaque;

	if (ipa - RAM >= HOLE) {
		out->fsc = 0x07;
		return false;
	}
	out->host = board->ram + (ipa - RAM);
	return true;
}

static void put64(struct board *board, uint64_t offset, uint64_t value)
{
	memcpy(board->ram + offset, &value, sizeof(value));
}

/* RAM at its own address, code read-only. */
static void build(struct board *board, struct soft_cpu *cpu)
{
	put64(board, TABLES + (RAM >> 30) * 8, (RAM + TABLES + 0x1000) | 3);
	put64(board, TABLES + 0x1000, (RAM + TABLES + 0x2000) | 3);
	for (uint64_t at = 0; at < RAM_BYTES; at += 0x1000)
		put64(board, TABLES + 0x2000 + at / 0x1000 * 8, (RAM + at) | 0x703 | (at == CODE ? 0x80 : 0));
	cpu->sysreg[SOFT_TTBR0_EL1] = RAM + TABLES;
	cpu->sysreg[SOFT_TCR_EL1] = 25 | UINT64_C(1) << 23 | UINT64_C(5) << 32;
	cpu->sysreg[SOFT_MAIR_EL1] = 0xff;
	cpu->sysreg[SOFT_SCTLR_EL1] = 0x30d0199d;
	soft_cpu_changed(cpu);
}

/* To the HVC behind the program, or an abort; 0 if it comes to neither. */
static uint64_t execute(struct soft_cpu *cpu, const struct soft_bus *bus, struct board *board,
			const uint32_t *words, size_t count, uint64_t x0, uint64_t x1)
{
	uint64_t before = cpu->retired;
	const uint32_t hvc = HVC;
	enum soft_exit exit;

	memcpy(board->ram + CODE, words, count * 4);
	memcpy(board->ram + CODE + 0xff0, &hvc, 4);
	cpu->pc = RAM + CODE;
	cpu->pstate = 0x3c5;
	cpu->x[0] = x0;
	cpu->x[1] = x1;
	cpu->x[30] = RAM + CODE + 0xff0;
	exit = soft_cpu_run(cpu, bus, MOST);
	return exit == SOFT_HVC || exit == SOFT_ABORT ? cpu->retired - before : 0;
}

int bench_cpu(void)
{
	enum { ROUNDS = 7, PRIMES = 65536, SORTED = 1024, STEPS = 20000, EXITS = 200000 };
	static const struct {
		const char *name;
		const uint32_t *words;
		size_t count;
		uint64_t x0, x1;
	} programs[] = {
		{"sieve (byte stores)", sieve_words, sizeof(sieve_words) / 4, RAM + DATA, PRIMES},
		{"sort (loads and stores)", sort_words, sizeof(sort_words) / 4, RAM + DATA, SORTED},
		{"collatz (registers)", collatz_words, sizeof(collatz_words) / 4, STEPS, 0},
	};
	struct board board = {.ram = aligned_alloc(4096, RAM_BYTES)};
	struct soft_bus bus = {page, &board, &board.generation};
	struct soft_cpu *cpu = soft_cpu_create();
	void *scratch = malloc(PRIMES);
	const char *wrong = NULL;
	double rates[ROUNDS];

	if (!board.ram || !cpu || !scratch) {
		free(scratch);
		free(board.ram);
		soft_cpu_destroy(cpu);
		return bench_fail("cpu", "out of memory");
	}
	const uint64_t results[] = {sieve(scratch, PRIMES), sort(scratch, SORTED), collatz(STEPS)};

	memset(board.ram, 0, RAM_BYTES);
	build(&board, cpu);
	printf("%-26s %14s %24s %8s\n", "guest", "instructions", "millions a second", "ns");
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs) && !wrong; i++) {
		uint64_t instructions = 0;

		for (unsigned round = 0; round < ROUNDS; round++) {
			uint64_t start = bench_now();

			instructions = execute(cpu, &bus, &board, programs[i].words, programs[i].count,
					       programs[i].x0, programs[i].x1);
			rates[round] = (double)instructions * 1000 / (double)(bench_now() - start);
			if (!instructions || cpu->x[0] != results[i])
				wrong = programs[i].name;
		}
		printf("%-26s %14llu %24.1f %8.2f\n", programs[i].name, (unsigned long long)instructions,
		       bench_median(rates, ROUNDS), 1000 / bench_median(rates, ROUNDS));
	}
	for (unsigned round = 0; round < ROUNDS && !wrong; round++) {
		uint64_t start = bench_now();

		for (unsigned n = 0; n < EXITS; n++)
			if (!execute(cpu, &bus, &board, ldp_words, 1, RAM + HOLE, 0))
				wrong = "an exit";
		rates[round] = (double)(bench_now() - start) / EXITS;
	}
	if (!wrong)
		printf("%-26s %14s %24s %8.1f\n", "run, abort of LDP, exit", "", "",
		       bench_median(rates, ROUNDS));
	soft_cpu_destroy(cpu);
	free(scratch);
	free(board.ram);
	return wrong ? bench_fail("cpu", wrong) : 0;
}
