/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loads and stores. What an instruction does to registers and memory is src/insn's: plan, then finish. The
 * plain ones, one or two general-purpose registers in memory that is mapped and needs no second look, have a
 * short cut, which must come to the same; tests/softkvm/access.c compares the two.
 */
#include <salvage/syndrome.h>

#include "model.h"

/* Single-copy atomic where the address is aligned, as the architecture has it. */
#define ACCESSORS(bits)                                                                         \
	static inline uint64_t read##bits(const uint8_t *host)                                  \
	{                                                                                       \
		uint##bits##_t value;                                                           \
		if (!((uintptr_t)host % sizeof(value)))                                         \
			return __atomic_load_n((const uint##bits##_t *)host, __ATOMIC_RELAXED); \
		memcpy(&value, host, sizeof(value));                                            \
		return value;                                                                   \
	}                                                                                       \
	static inline void write##bits(uint8_t *host, uint64_t wide)                            \
	{                                                                                       \
		uint##bits##_t value = (uint##bits##_t)wide;                                    \
		if (!((uintptr_t)host % sizeof(value)))                                         \
			__atomic_store_n((uint##bits##_t *)host, value, __ATOMIC_RELAXED);      \
		else                                                                            \
			memcpy(host, &value, sizeof(value));                                    \
	}
ACCESSORS(8)
ACCESSORS(16)
ACCESSORS(32)
ACCESSORS(64)

/* Copies an element, whose bytes lie the same way in both. */
static void read_element(uint8_t *data, const uint8_t *host, unsigned bytes)
{
	uint64_t value;

	switch (bytes) {
	case 2:
		value = read16(host);
		break;
	case 4:
		value = read32(host);
		break;
	case 8:
		value = read64(host);
		break;
	default:
		for (unsigned i = 0; i < bytes; i++)
			data[i] = (uint8_t)read8(host + i);
		return;
	}
	memcpy(data, &value, bytes);
}

static void write_element(uint8_t *host, const uint8_t *data, unsigned bytes)
{
	uint64_t value = 0;

	memcpy(&value, data, bytes <= 8 ? bytes : 0);
	switch (bytes) {
	case 2:
		write16(host, value);
		break;
	case 4:
		write32(host, value);
		break;
	case 8:
		write64(host, value);
		break;
	default:
		for (unsigned i = 0; i < bytes; i++)
			write8(host + i, data[i]);
	}
}

/* Memory changes from old to updated, or *old receives what it is. bytes is 1, 2, 4, 8 or 16, and host aligned. */
#define EXCHANGE(bits)                                                                                \
	{                                                                                             \
		uint##bits##_t expected, desired;                                                     \
		memcpy(&expected, old, sizeof(expected));                                             \
		memcpy(&desired, updated, sizeof(desired));                                           \
		done = __atomic_compare_exchange_n((uint##bits##_t *)host, &expected, desired, false, \
						   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);               \
		memcpy(old, &expected, sizeof(expected));                                             \
		break;                                                                                \
	}

#ifdef __x86_64__
__attribute__((target("cx16")))
#endif
static bool
exchange16(uint8_t *host, uint8_t *old, const uint8_t *updated)
{
	unsigned __int128 expected, desired, found;

	memcpy(&expected, old, 16);
	memcpy(&desired, updated, 16);
	found = __sync_val_compare_and_swap((unsigned __int128 *)host, expected, desired);
	memcpy(old, &found, 16);
	return found == expected;
}

static bool exchange(uint8_t *host, unsigned bytes, uint8_t *old, const uint8_t *updated)
{
	bool done = false;

	switch (bytes) {
	case 1:
		EXCHANGE(8)
	case 2:
		EXCHANGE(16)
	case 4:
		EXCHANGE(32)
	case 8:
		EXCHANGE(64)
	default:
		done = exchange16(host, old, updated);
	}
	return done;
}

/* The footprint in host memory: it lies in one page or two. */
struct footprint {
	const struct soft_mapping *first;
	uint8_t *host[2];
	unsigned bytes; /* in the first */
};

static uint8_t *at(const struct footprint *footprint, unsigned offset)
{
	return offset < footprint->bytes ? footprint->host[0] + offset
					 : footprint->host[1] + (offset - footprint->bytes);
}

static bool map_footprint(struct soft_cpu *cpu, uint64_t va, unsigned total, const struct soft_access *access,
			  struct footprint *footprint, enum soft_step *step)
{
	uint64_t next = (va & PAGE_MASK) + PAGE_BYTES;

	footprint->first = soft_map(cpu, va, access, step);
	if (!footprint->first)
		return false;
	footprint->host[0] = footprint->first->host + va % PAGE_BYTES;
	footprint->bytes = total;
	if (va % PAGE_BYTES + total > PAGE_BYTES) {
		const struct soft_mapping first = *footprint->first,
					  *second = soft_map(cpu, next, access, step);

		if (!second)
			return false;
		/* The second may have taken the first one's place. */
		footprint->host[0] = first.host + va % PAGE_BYTES;
		footprint->host[1] = second->host;
		footprint->bytes = (unsigned)(next - va);
	}
	return true;
}

/* An element may be cut by the page's end. */
static void transfer(const struct sv_plan *plan, const struct footprint *footprint, bool write, uint8_t *data)
{
	for (unsigned i = 0; i < plan->count; i++) {
		unsigned offset = i * plan->esize, whole = plan->esize;

		for (unsigned part = whole; whole; offset += part, whole -= part) {
			part = whole;
			if (offset < footprint->bytes && offset + part > footprint->bytes)
				part = footprint->bytes - offset;
			if (write)
				write_element(at(footprint, offset), data + offset, part);
			else
				read_element(data + offset, at(footprint, offset), part);
		}
	}
}

static void perform_atomic(struct sv_plan *plan, uint8_t *host, unsigned total)
{
	uint8_t updated[SV_ATOMIC_BYTES];

	read_element(plan->data, host, total);
	do {
		if (!sv_atomic(plan->op, total, plan->big_endian, plan->operand, plan->compare, plan->data,
			       updated))
			break;
	} while (!exchange(host, total, plan->data, updated));
}

static void load_exclusive(struct soft_cpu *cpu, const struct sv_plan *plan,
			   const struct footprint *footprint, unsigned total)
{
	cpu->exclusive.valid = true;
	cpu->exclusive.bytes = (uint8_t)total;
	cpu->exclusive.ipa = footprint->first->ipa | plan->va % PAGE_BYTES;
	memcpy(cpu->exclusive.value, plan->data, total);
}

/* True if the store was done: the monitor is on this, and memory is as it was when it was loaded. */
static bool store_exclusive(struct soft_cpu *cpu, const struct sv_insn *insn, const struct sv_plan *plan,
			    const struct footprint *footprint, unsigned total)
{
	const unsigned transfer[] = {insn->Rt, insn->Rt2};
	uint8_t updated[16];
	bool armed = cpu->exclusive.valid && cpu->exclusive.bytes == total &&
		     cpu->exclusive.ipa == (footprint->first->ipa | plan->va % PAGE_BYTES);

	cpu->exclusive.valid = false;
	for (unsigned i = 0; i < plan->count; i++)
		for (unsigned byte = 0; byte < plan->esize; byte++)
			updated[i * plan->esize + (plan->big_endian ? plan->esize - 1u - byte : byte)] =
				(uint8_t)(cpu->x[transfer[i]] >> 8 * byte);
	return armed && exchange(footprint->host[0], total, cpu->exclusive.value, updated);
}

static bool sp_misaligned(struct soft_cpu *cpu)
{
	return *soft_sp(cpu) % 16 && cpu->sysreg[SOFT_SCTLR_EL1] & (soft_el(cpu) ? SCTLR_SA : SCTLR_SA0);
}

/* Ordered accesses, atomics and exclusives are aligned on any memory: there is no FEAT_LSE2 here. */
static unsigned alignment(const struct soft_cpu *cpu, const struct sv_insn *insn, const struct sv_plan *plan)
{
	if (plan->op || insn->row->iclass == SV_CLASS_EXCLUSIVE)
		return plan->esize * plan->count;
	return plan->acquire || plan->release || cpu->sysreg[SOFT_SCTLR_EL1] & SV_SCTLR_A ? plan->esize : 1;
}

enum soft_step soft_access_slowly(struct soft_cpu *cpu, const struct soft_op *op)
{
	struct sv_context context = soft_context(cpu);
	struct soft_access access = {.kind = SOFT_READ};
	struct footprint footprint;
	struct sv_insn insn;
	struct sv_plan plan;
	enum soft_step step = SOFT_UNDEFINED;
	bool exclusive;
	unsigned total;

	sv_decode(SV_A64, op->word, &insn);
	exclusive = insn.row->iclass == SV_CLASS_EXCLUSIVE;
	if (insn.row->form != SV_FORM_GENERAL && !soft_simd_enabled(cpu))
		return SOFT_TAKEN;
	if (insn.row->iclass == SV_CLASS_ZERO) {
		if (!soft_el(cpu) && !(cpu->sysreg[SOFT_SCTLR_EL1] & SCTLR_DZE))
			return soft_take_system(cpu, op->word);
	} else if (insn.row->mode != SV_MODE_LITERAL && insn.Rn == 31 && sp_misaligned(cpu)) {
		return soft_take(cpu, EC_SP_ALIGNMENT, 0);
	}
	if (sv_plan_address(&insn, &context, &soft_regs_ops, cpu, &plan) ||
	    (!exclusive && sv_plan_data(&insn, &soft_regs_ops, cpu, &plan)))
		return SOFT_UNDEFINED;
	total = plan.esize * plan.count;
	access.kind = plan.write ? SOFT_WRITE : SOFT_READ;
	access.el0 = sv_access_el0(&context, plan.unprivileged);
	access.atomic = plan.op;
	access.insn = &insn;
	access.misaligned = !plan.align || plan.va % plan.align;
	if (plan.va % alignment(cpu, &insn, &plan))
		return soft_take_abort(cpu, false,
				       sv_stage1_fsc(SV_ALIGNMENT, 0) | (plan.write ? SV_ESR_WnR : 0),
				       plan.va);
	if (!map_footprint(cpu, plan.va, total, &access, &footprint, &step))
		return step;
	if (plan.release)
		atomic_thread_fence(memory_order_seq_cst);
	if (plan.op) {
		perform_atomic(&plan, footprint.host[0], total);
	} else if (exclusive && plan.write) {
		put_X(cpu, insn.Rs, !store_exclusive(cpu, &insn, &plan, &footprint, total));
		return SOFT_NEXT;
	} else {
		transfer(&plan, &footprint, plan.write, plan.data);
		if (exclusive)
			load_exclusive(cpu, &plan, &footprint, total);
	}
	if (plan.acquire)
		atomic_thread_fence(memory_order_seq_cst);
	sv_finish(&insn, &context, &plan, &soft_regs_ops, cpu);
	return SOFT_NEXT;
}

/*
 * Nothing is cached, so cache maintenance only has to fault where it would: DC IVAC as a write does, the others
 * as a read.
 */
static enum soft_step maintain(struct soft_cpu *cpu, const struct soft_op *op)
{
	bool op1 = op->word >> 16 & 7, invalidate = (op->word & 0x0007ffe0) == 0x00007620;
	struct soft_access access = {.kind = invalidate ? SOFT_WRITE : SOFT_READ,
				     .el0 = !soft_el(cpu),
				     .maintenance = true};
	enum soft_step step = SOFT_UNDEFINED;

	if (!soft_el(cpu) && !op1)
		return SOFT_UNDEFINED;
	if (!soft_el(cpu) && !(cpu->sysreg[SOFT_SCTLR_EL1] & SCTLR_UCI))
		return soft_take_system(cpu, op->word);
	return soft_map(cpu, cpu->x[op->Rd], &access, &step) ? SOFT_NEXT : step;
}

/*
 * The short cut. bytes, mode and the rest are constants wherever it is used, so that each combination becomes a
 * function of its own.
 */
#define INLINE static inline __attribute__((always_inline))

/* Where so many bytes lie, if they lie in one page that is mapped, and are aligned if they have to be; else NULL. */
INLINE uint8_t *short_cut(struct soft_cpu *cpu, enum soft_kind kind, uint64_t va, unsigned esize,
			  unsigned bytes)
{
	const struct soft_caches *caches = cpu->caches;
	const struct soft_mapping *mapping = &caches->mappings[kind][va / PAGE_BYTES % SOFT_MAPPINGS];

	if (__builtin_expect(mapping->tag != ((va & PAGE_MASK) | caches->epoch) ||
				     va % PAGE_BYTES > PAGE_BYTES - bytes ||
				     va & (esize - 1) & mapping->strict,
			     0))
		return NULL;
	return mapping->host + va % PAGE_BYTES;
}

INLINE bool address(struct soft_cpu *cpu, const struct soft_op *op, enum sv_mode mode, uint64_t *va,
		    uint64_t *base)
{
	uint64_t index;

	if (mode == SV_MODE_LITERAL) {
		*va = cpu->pc + op->imm;
		return true;
	}
	*base = cpu->x[op->Rn];
	if (__builtin_expect(op->Rn == 31, 0)) {
		*base = *soft_sp(cpu);
		if (*base % 16)
			return false;
	}
	if (mode == SV_MODE_REGISTER) {
		index = cpu->x[op->Rm];
		if (!(op->shift & 1))
			index = op->shift & 4 ? (uint64_t)(int32_t)index : (uint32_t)index;
		*va = *base + (index << op->amount);
	} else {
		*va = mode == SV_MODE_POST ? *base : *base + op->imm;
		*base += op->imm;
	}
	return true;
}

INLINE uint64_t read_bytes(const uint8_t *host, unsigned bytes)
{
	return bytes == 1   ? read8(host)
	       : bytes == 2 ? read16(host)
	       : bytes == 4 ? read32(host)
			    : read64(host);
}

INLINE void write_bytes(uint8_t *host, uint64_t value, unsigned bytes)
{
	if (bytes == 1)
		write8(host, value);
	else if (bytes == 2)
		write16(host, value);
	else if (bytes == 4)
		write32(host, value);
	else
		write64(host, value);
}

/* How a loaded element gets into its register. */
enum extension { ZERO, SIGN_W, SIGN_X };

INLINE enum soft_step access_short(struct soft_cpu *cpu, const struct soft_op *op, enum soft_kind kind,
				   enum sv_mode mode, unsigned bytes, unsigned count,
				   enum extension extension)
{
	uint64_t va, base;
	uint8_t *host;

	if (!address(cpu, op, mode, &va, &base))
		return soft_access_slowly(cpu, op);
	host = short_cut(cpu, kind, va, bytes, bytes * count);
	if (__builtin_expect(!host, 0))
		return soft_access_slowly(cpu, op);
	if (kind == SOFT_WRITE) {
		write_bytes(host, cpu->x[op->Rd], bytes);
		if (count == 2)
			write_bytes(host + bytes, cpu->x[op->Ra], bytes);
	} else {
		uint64_t value = read_bytes(host, bytes);

		if (extension != ZERO)
			value = (uint64_t)((int64_t)(value << (64 - 8 * bytes)) >> (64 - 8 * bytes));
		if (count == 2)
			cpu->x[op->Ra] = read_bytes(host + bytes, bytes);
		put_X(cpu, op->Rd, extension == SIGN_W ? (uint32_t)value : value);
	}
	if (mode == SV_MODE_PRE || mode == SV_MODE_POST)
		put_X_SP(cpu, op->Rn, base);
	return SOFT_NEXT;
}

#define FORM(name, kind, mode, bytes, count, extension)                                      \
	static enum soft_step name##_##mode(struct soft_cpu *cpu, const struct soft_op *op)  \
	{                                                                                    \
		return access_short(cpu, op, kind, SV_MODE_##mode, bytes, count, extension); \
	}

/* name, kind, bytes, count, extension */
#define SHORT_CUTS(X)                            \
	X(load1, SOFT_READ, 1, 1, ZERO)          \
	X(load2, SOFT_READ, 2, 1, ZERO)          \
	X(load4, SOFT_READ, 4, 1, ZERO)          \
	X(load8, SOFT_READ, 8, 1, ZERO)          \
	X(load1_sign_w, SOFT_READ, 1, 1, SIGN_W) \
	X(load2_sign_w, SOFT_READ, 2, 1, SIGN_W) \
	X(load1_sign_x, SOFT_READ, 1, 1, SIGN_X) \
	X(load2_sign_x, SOFT_READ, 2, 1, SIGN_X) \
	X(load4_sign_x, SOFT_READ, 4, 1, SIGN_X) \
	X(store1, SOFT_WRITE, 1, 1, ZERO)        \
	X(store2, SOFT_WRITE, 2, 1, ZERO)        \
	X(store4, SOFT_WRITE, 4, 1, ZERO)        \
	X(store8, SOFT_WRITE, 8, 1, ZERO)        \
	X(load_pair4, SOFT_READ, 4, 2, ZERO)     \
	X(load_pair8, SOFT_READ, 8, 2, ZERO)     \
	X(store_pair4, SOFT_WRITE, 4, 2, ZERO)   \
	X(store_pair8, SOFT_WRITE, 8, 2, ZERO)

#define X(name, kind, bytes, count, extension)              \
	FORM(name, kind, OFFSET, bytes, count, extension)   \
	FORM(name, kind, PRE, bytes, count, extension)      \
	FORM(name, kind, POST, bytes, count, extension)     \
	FORM(name, kind, REGISTER, bytes, count, extension) \
	FORM(name, kind, LITERAL, bytes, count, extension)
SHORT_CUTS(X)
#undef X

static const struct {
	soft_run run[5]; /* by enum sv_mode */
	uint8_t kind, bytes, count, extension;
} short_cuts[] = {
#define X(name, kind, bytes, count, extension)                                      \
	{{name##_OFFSET, name##_PRE, name##_POST, name##_REGISTER, name##_LITERAL}, \
	 kind,                                                                      \
	 bytes,                                                                     \
	 count,                                                                     \
	 extension},
	SHORT_CUTS(X)
#undef X
};

static bool is_plain(const struct sv_row *row)
{
	return row->form == SV_FORM_GENERAL &&
	       !(row->flags & (SV_ROW_ACQUIRE | SV_ROW_RELEASE | SV_ROW_UNPRIV | SV_ROW_CM)) &&
	       (row->iclass == SV_CLASS_SINGLE || row->iclass == SV_CLASS_LITERAL ||
		row->iclass == SV_CLASS_WRITEBACK || row->iclass == SV_CLASS_PAIR);
}

void soft_decode_access(const struct sv_insn *insn, struct soft_op *op)
{
	const struct sv_row *row = insn->row;
	enum extension extension = !(row->flags & SV_ROW_SIGNED) ? ZERO
				   : row->flags & SV_ROW_SF      ? SIGN_X
								 : SIGN_W;

	if (insn->unpredictable || !soft_feature(sv_row_feature(row)))
		return;
	if (row->iclass == SV_CLASS_CACHE) {
		op->run = maintain;
		return;
	}
	if (row->refusal && row->refusal != SV_REFUSAL_EXCLUSIVE)
		return;
	op->run = soft_access_slowly;
	op->imm = (uint64_t)insn->imm;
	op->shift = insn->option;
	op->amount = insn->amount;
	for (size_t i = 0; is_plain(row) && i < sizeof(short_cuts) / sizeof(*short_cuts); i++)
		if ((short_cuts[i].kind == SOFT_WRITE) == !!(row->flags & SV_ROW_STORE) &&
		    short_cuts[i].bytes == insn->esize && short_cuts[i].count == insn->count &&
		    short_cuts[i].extension == extension)
			op->run = short_cuts[i].run[row->mode];
}
