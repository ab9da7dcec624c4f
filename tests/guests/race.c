/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first vCPU executes what a page holds, on data pages that are devices most of the time. The second
 * rewrites that code, the third remaps code and data, all the time, and half of it without what the
 * architecture asks of them. Whatever comes of it: the registers are those that one of the
 * instructions leaves on one of the pages, or unchanged after a fault.
 *
 * How many times it does so, and the seed, it reads from the console: each a number and a letter.
 */
#include "guest.h"

#define PAGE      3ul
#define TABLE     3ul
#define BLOCK     1ul
#define DEVICE    (0ul << 2) /* MAIR attribute 0: Device-nGnRnE */
#define NORMAL    (1ul << 2) /* attribute 1: Normal, write-back */
#define READ_ONLY (1ul << 7)
#define SHAREABLE (3ul << 8)
#define ACCESSED  (1ul << 10)
#define PXN       (1ul << 53)
#define MEMORY    (NORMAL | SHAREABLE | ACCESSED)

#define GIB   0x40000000ul
#define BIG   0x200000ul /* a block of level 2 */
#define DATA  0x0c000000ul
#define CODE  0x0c200000ul
#define UNDEF 0x00000000

#define EC_FETCH 0x21 /* instruction abort from the same level */

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

typedef uint64_t table[512];
static _Alignas(4096) table low1, low2, recorder3, data3, other3, code3;
static _Alignas(4096) uint32_t code_a[1024], code_b[1024];
static _Alignas(4096) uint8_t memory[4096];

/* One instruction on x0, with registers 1 and 2. Stores go where no load looks. */
struct insn {
	uint32_t word;
	uint8_t esize, count; /* of a load; count 0: it loads nothing */
	int8_t first, writeback;
	uint8_t extend; /* a signed load: bytes of the register */
	uint8_t simd;
	uint8_t Rt; /* the first register that is loaded */
};

static const struct insn insns[] = {
	{0xa9400801, 8, 2, 0, 0, .Rt = 1},              /* ldp x1, x2, [x0] */
	{0x29400801, 4, 2, 0, 0, .Rt = 1},              /* ldp w1, w2, [x0] */
	{0x68c10801, 4, 2, 0, 8, .extend = 8, .Rt = 1}, /* ldpsw x1, x2, [x0], #8 */
	{0xf8408401, 8, 1, 0, 8, .Rt = 1},              /* ldr x1, [x0], #8 */
	{0x38c01401, 1, 1, 0, 1, .extend = 4, .Rt = 1}, /* ldrsb w1, [x0], #1 */
	{0x785fec02, 2, 1, -2, -2, .Rt = 2},            /* ldrh w2, [x0, #-2]! */
	{0xfc408401, 8, 1, 0, 8, .simd = 1},            /* ldr d1, [x0], #8 */
	{0xb83f0002, 4, 1, 0, 0, .Rt = 2},              /* ldadd wzr, w2, [x0] */
	{0xf9400001, 8, 1, 0, 0, .Rt = 1},              /* ldr x1, [x0]: ISV=1 */
	{0xa9bc0801, .writeback = -64},                 /* stp x1, x2, [x0, #-64]! */
	{0xb81c0c01, .writeback = -64},                 /* str w1, [x0, #-64]! */
	{0xa93c0801, .writeback = 0},                   /* stp x1, x2, [x0, #-64] */
	{0xb81c0001, .writeback = 0},                   /* stur w1, [x0, #-64]: ISV=1 */
	{0xd503201f, .writeback = 0},                   /* nop */
	{UNDEF, .writeback = 0},
};
#define LOADS 7 /* the first ones, which are nothing special */
#define RET   0xd65f03c0

/* Where x0 points to, in two pages. Each has 64 bytes before it that stores may have. */
static const uint16_t offsets[] = {0x100, 0x300, 0x7fc, 0xff8};

static const uint64_t frames[] = {RECORDER + 0x1000, RECORDER + 0x2000, (uint64_t)memory};

static const uint64_t data_choices[] = {
	(RECORDER + 0x1000) | MEMORY | PAGE,
	(RECORDER + 0x2000) | MEMORY | PAGE,
	(RECORDER + 0x1000) | DEVICE | ACCESSED | PAGE,
	(RECORDER + 0x2000) | DEVICE | ACCESSED | PAGE,
	(RECORDER + 0x2000) | MEMORY | READ_ONLY | PAGE,
	(uint64_t)memory + (MEMORY | PAGE),
	HOLE | MEMORY | PAGE,
	0,
};
static const uint64_t code_choices[] = {
	(uint64_t)code_a + (MEMORY | PAGE),
	(uint64_t)code_b + (MEMORY | PAGE),
	(uint64_t)code_a + (MEMORY | PAGE),
	(uint64_t)code_b + (MEMORY | PAGE),
	(uint64_t)code_a + (MEMORY | PXN | PAGE),
	RECORDER | MEMORY | PAGE,
	HOLE | MEMORY | PAGE,
	0,
};
static const uint64_t table_choices[] = {
	(uint64_t)data3 + TABLE,
	(uint64_t)other3 + TABLE,
	(uint64_t)data3 + TABLE,
	(uint64_t)data3 + TABLE,
	(uint64_t)other3 + TABLE,
	(uint64_t)data3 + TABLE,
	HOLE | TABLE,
	0,
};

/* A descriptor, what becomes of it, and an address that it maps. */
static struct {
	uint64_t *at;
	const uint64_t *choices;
	uint64_t va;
} descriptors[] = {
	{&data3[0], data_choices, DATA},  {&data3[1], data_choices, DATA + 0x1000},
	{&other3[0], data_choices, DATA}, {&other3[1], data_choices, DATA + 0x1000},
	{&code3[0], code_choices, CODE},  {&low2[DATA / BIG], table_choices, DATA},
};
#define CHOICES 8

/* Each written by one vCPU: the guest has no atomics that every CPU knows. */
static volatile uint64_t rewrites, remaps, over;
static uint64_t seed;
static uint64_t performed, unchanged, data_faults, fetch_faults, undefined;

static uint64_t next(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

static uint8_t pattern(unsigned frame, unsigned offset)
{
	return (uint8_t)(offset * 7 + (offset >> 8) * 31 + frame * 53);
}

static void fill(void)
{
	for (unsigned frame = 0; frame < COUNT(frames); frame++)
		for (unsigned i = 0; i <= COUNT(offsets); i++) {
			unsigned from = i < COUNT(offsets) ? offsets[i] - 8u : 0;

			for (unsigned offset = from; offset < from + 32 && offset < 0x1000; offset++)
				write8(frames[frame] + offset, pattern(frame, offset));
		}
}

static void map(void)
{
	low1[0] = (uint64_t)low2 | TABLE;
	low1[1] = RAM | MEMORY | BLOCK;
	for (uint64_t i = 0; i < 512; i++)
		low2[i] = i * BIG | DEVICE | ACCESSED | PXN | BLOCK;
	low2[RECORDER / BIG] = (uint64_t)recorder3 | TABLE;
	low2[CODE / BIG] = (uint64_t)code3 | TABLE;
	for (uint64_t i = 0; i < 512; i++)
		recorder3[i] = (RECORDER + i * 0x1000) | DEVICE | ACCESSED | PXN | PAGE;
	for (unsigned i = 0; i < COUNT(descriptors); i++)
		*descriptors[i].at = descriptors[i].choices[0];
	code_a[0] = code_b[0] = insns[0].word;
	code_a[1] = code_b[1] = RET;
}

static void enable(void)
{
	/* As in mmu.c, without the upper half. */
	uint64_t tcr = 25ul | 3ul << 12 | 5ul << 8 | 1ul << 23 | 25ul << 16 | 2ul << 30 | 2ul << 32, sctlr;

	__asm__ volatile("msr mair_el1, %0\n\tmsr tcr_el1, %1\n\tmsr ttbr0_el1, %2\n\t"
			 "dsb sy\n\ttlbi vmalle1\n\tic iallu\n\tdsb sy\n\tisb"
			 :
			 : "r"(0xff00ul), "r"(tcr), "r"(low1)
			 : "memory");
	__asm__ volatile("mrs %0, sctlr_el1" : "=r"(sctlr));
	__asm__ volatile("msr sctlr_el1, %0\n\tisb" : : "r"(sctlr | 1 | 1 << 2 | 1 << 12) : "memory");
}

/* Changes that no access sees are none; and under emulation every TLBI stops all CPUs. */
static void rest(uint64_t random)
{
	for (volatile unsigned i = random & 0xfff; i; i--)
		;
	__asm__ volatile("wfe");
}

static void rewrite(uint64_t context)
{
	uint64_t random = seed ^ 0x5a17a6e1;

	enable();
	rewrites = 1;
	for (; !over; rest(next(&random))) {
		uint64_t r = next(&random);
		uint32_t *slot = r >> 16 & 1 ? code_a : code_b;

		*(volatile uint32_t *)slot = insns[(r >> 20) % COUNT(insns)].word;
		if (r >> 17 & 1)
			__asm__ volatile("dc cvau, %0\n\tdsb ish\n\tic ivau, %0\n\tdsb ish\n\tisb"
					 :
					 : "r"(slot)
					 : "memory");
	}
	rewrites = 0;
	for (;;)
		__asm__ volatile("wfi");
}

static void invalidate(uint64_t va)
{
	__asm__ volatile("dsb ishst\n\ttlbi vaae1is, %0\n\tdsb ish\n\tisb" : : "r"(va >> 12) : "memory");
}

static void remap(uint64_t context)
{
	uint64_t random = seed ^ 0x5a17a6e2;

	enable();
	remaps = 1;
	for (; !over; rest(next(&random))) {
		uint64_t r = next(&random), desc;
		unsigned i = (unsigned)((r >> 20) % COUNT(descriptors));
		bool proper = r >> 16 & 1;

		desc = descriptors[i].choices[(r >> 40) % CHOICES];
		if (proper) {
			*(volatile uint64_t *)descriptors[i].at = 0;
			invalidate(descriptors[i].va);
			invalidate(descriptors[i].va + 0x1000);
		}
		*(volatile uint64_t *)descriptors[i].at = desc;
		if (proper || r >> 17 & 1)
			invalidate(descriptors[i].va);
	}
	remaps = 0;
	for (;;)
		__asm__ volatile("wfi");
}

struct state {
	uint64_t x0, x1, x2, d1;
};

static struct frame fault;
static volatile bool racing, faulted;

bool guest_handle(struct frame *frame)
{
	/* The page may go away between the instruction, which is over then, and the return behind it. */
	bool returns = frame->elr == CODE + 4 && EC(frame->esr) == EC_FETCH;

	if (!racing || (frame->elr != CODE && !returns))
		return false;
	fault = *frame;
	faulted = !returns;
	frame->elr = frame->x[30];
	return true;
}

static void execute(struct state *state)
{
	register struct state *s __asm__("x20") = state;
	register uint64_t code __asm__("x21") = CODE;

	faulted = false;
	racing = true;
	__asm__ volatile(".arch_extension simd\n\t"
			 "ldp x0, x1, [x20]\n\tldp x2, x3, [x20, #16]\n\tfmov d1, x3\n\t"
			 "isb\n\tblr x21\n\t"
			 "stp x0, x1, [x20]\n\tfmov x3, d1\n\tstp x2, x3, [x20, #16]"
			 :
			 : "r"(s), "r"(code)
			 : "x0", "x1", "x2", "x3", "x30", "memory");
	racing = false;
}

static uint64_t loaded(const struct insn *insn, unsigned element, unsigned offset, const unsigned *pages)
{
	uint64_t value = 0;
	unsigned unused = 64 - 8 * insn->esize;

	for (unsigned i = 0; i < insn->esize; i++) {
		unsigned at = offset + (unsigned)insn->first + element * insn->esize + i;

		value |= (uint64_t)pattern(pages[at >> 12], at & 0xfff) << 8 * i;
	}
	if (insn->extend)
		value = (uint64_t)((int64_t)(value << unused) >> unused);
	return insn->extend == 4 ? (uint32_t)value : value;
}

/* The state after an instruction on two of the pages. */
static bool explains(const struct insn *insn, unsigned offset, const unsigned *pages,
		     const struct state *before, const struct state *after)
{
	struct state want = *before;

	want.x0 += (uint64_t)(int64_t)insn->writeback;
	for (unsigned i = 0; i < insn->count; i++) {
		uint64_t value = loaded(insn, i, offset, pages);

		if (insn->simd)
			want.d1 = value;
		else if (insn->Rt + i == 1)
			want.x1 = value;
		else
			want.x2 = value;
	}
	return want.x0 == after->x0 && want.x1 == after->x1 && want.x2 == after->x2 && want.d1 == after->d1;
}

static bool explained(unsigned offset, const struct state *before, const struct state *after)
{
	for (unsigned i = 0; i < COUNT(insns); i++)
		for (unsigned pair = 0; pair < COUNT(frames) * COUNT(frames); pair++) {
			unsigned pages[] = {pair / COUNT(frames), pair % COUNT(frames)};

			if (insns[i].word != UNDEF && explains(&insns[i], offset, pages, before, after))
				return true;
		}
	return false;
}

static bool in_set(unsigned fsc, uint64_t set)
{
	return set >> fsc & 1;
}

/* Translation, permission, external abort, the same on a walk. */
#define STAGE1   0xf0f0ul
#define EXTERNAL (1ul << 0x10 | 0xful << 0x14)
/* Of an access also: alignment, unsupported atomic. */
#define ACCESS (STAGE1 | EXTERNAL | 1ul << 0x21 | 1ul << 0x35)

/* Counts a fault; false: no CPU would have reported this. */
static bool is_legal(void)
{
	switch (EC(fault.esr)) {
	case 0x00:
		undefined++;
		return true;
	case EC_FETCH:
		fetch_faults++;
		return fault.far == CODE && in_set(FSC(fault.esr), STAGE1 | EXTERNAL);
	case EC_ABORT:
		data_faults++;
		return fault.far >= DATA && fault.far < DATA + 0x2000 && in_set(FSC(fault.esr), ACCESS);
	default:
		return false;
	}
}

/*
 * Makes code and data what they were, for this vCPU alone to see: half of the time after a fault, as a kernel
 * does, and now and then otherwise. What the others left would stay for as long as they happen not to run.
 */
static void repair(uint64_t *random)
{
	uint64_t r = next(random);

	if (r >> 16 & (faulted ? 1 : 15))
		return;
	*(volatile uint64_t *)&low2[DATA / BIG] = table_choices[r >> 20 & 1];
	*(volatile uint64_t *)&code3[0] = code_choices[r >> 21 & 1];
	for (unsigned i = 0; i < 4; i++)
		*(volatile uint64_t *)descriptors[i].at = data_choices[r >> (22 + i) & 1];
	*(volatile uint32_t *)code_a = insns[(r >> 26) % LOADS].word;
	*(volatile uint32_t *)code_b = insns[(r >> 36) % LOADS].word;
	__asm__ volatile("dc cvau, %0\n\tdc cvau, %1\n\tdsb nsh\n\tic iallu\n\ttlbi vmalle1\n\tdsb nsh\n\tisb"
			 :
			 : "r"(code_a), "r"(code_b)
			 : "memory");
}

/* Whether it came to an access. */
static bool race(uint64_t *random)
{
	unsigned offset = offsets[(next(random) >> 16) % COUNT(offsets)];
	struct state before = {DATA + offset, 0x1111111122222281, 0x3333333344444482, 0x5555555566666683};
	struct state after = before;

	execute(&after);
	if (faulted) {
		if (!is_legal())
			guest_fail(__FILE__, __LINE__, "the syndrome", fault.esr, fault.far);
		EQUAL(after.x0, before.x0);
		EQUAL(after.x1, before.x1);
		EQUAL(after.x2, before.x2);
		EQUAL(after.d1, before.d1);
		return EC(fault.esr) == EC_ABORT;
	}
	if (!explained(offset, &before, &after)) {
		guest_print_hex(after.x0);
		guest_print(" ");
		guest_print_hex(after.x1);
		guest_print(" ");
		guest_print_hex(after.x2);
		guest_print(" ");
		guest_print_hex(after.d1);
		guest_print("\n");
		guest_fail(__FILE__, __LINE__, "x0", after.x0, before.x0);
	}
	if (after.x0 == before.x0 && after.x1 == before.x1 && after.x2 == before.x2)
		unchanged++;
	else
		performed++;
	return true;
}

static uint64_t read_number(void)
{
	uint64_t number = 0;

	for (;;) {
		uint32_t letter;

		while (read32(UART + 0x18) & 0x10) /* UARTFR.RXFE */
			;
		letter = read32(UART) & 0xff;
		if (letter < '0' || letter > '9')
			return number;
		number = number * 10 + (letter - '0');
	}
}

static void print(const char *what, uint64_t number)
{
	guest_print(what);
	guest_print_hex(number);
	guest_print("\n");
}

void guest_main(uint64_t dtb)
{
	uint64_t random, count = read_number();

	seed = read_number() << 32;
	random = seed ^ 0x5a17a6e3;
	fill();
	map();
	enable();
	EQUAL(guest_psci(PSCI_CPU_ON, 1, (uint64_t)start_secondary, (uint64_t)rewrite), 0);
	EQUAL(guest_psci(PSCI_CPU_ON, 2, (uint64_t)start_secondary, (uint64_t)remap), 0);
	while (!rewrites || !remaps)
		;
	for (uint64_t i = 0; i < count; repair(&random))
		i += race(&random);
	over = 1;
	print("race: registers changed as they should ", performed);
	print("race: unchanged (stores, nop) ", unchanged);
	print("race: data aborts ", data_faults);
	print("race: instruction aborts ", fetch_faults);
	print("race: undefined ", undefined);
	guest_print("race: done\n");
}
