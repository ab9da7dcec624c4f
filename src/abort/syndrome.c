/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fields of ESR_ELx as tables: DDI 0487, D24.2, "ESR_EL1, Exception Syndrome Register (EL1)" and the same
 * of EL2, with their ISS encodings for a Data Abort, an Instruction Abort, an SError exception and for LD64B
 * or ST64B*.
 */
#include <stddef.h>

#include <salvage/syndrome.h>

#include "../name.h"

static const char reserved[] = "reserved";

/* EC, bits [31:26]. */
static const char *const classes[64] = {
	[0x00] = "Unknown reason",
	[0x01] = "Trapped WFI, WFE, WFIT or WFET",
	[0x03] = "Trapped MCR or MRC access, coproc 0b1111",
	[0x04] = "Trapped MCRR or MRRC access, coproc 0b1111",
	[0x05] = "Trapped MCR or MRC access, coproc 0b1110",
	[0x06] = "Trapped LDC or STC access",
	[0x07] = "Trapped access to SVE, Advanced SIMD or floating-point",
	[0x08] = "Trapped VMRS access",
	[0x09] = "Trapped use of a Pointer authentication instruction",
	[0x0a] = "Trapped instruction without a class of its own, LD64B and ST64B* among them",
	[0x0c] = "Trapped MRRC access, coproc 0b1110",
	[0x0d] = "Branch Target Exception",
	[0x0e] = "Illegal Execution state",
	[0x11] = "SVC instruction execution in AArch32 state",
	[0x12] = "HVC instruction execution in AArch32 state",
	[0x13] = "SMC instruction execution in AArch32 state",
	[0x14] = "Trapped MSRR, MRRS or SYSP",
	[0x15] = "SVC instruction execution in AArch64 state",
	[0x16] = "HVC instruction execution in AArch64 state",
	[0x17] = "SMC instruction execution in AArch64 state",
	[0x18] = "Trapped MSR, MRS or System instruction",
	[0x19] = "Access to SVE functionality trapped",
	[0x1a] = "Trapped ERET, ERETAA or ERETAB",
	[0x1c] = "Pointer authentication instruction authentication failure",
	[0x1d] = "Access to SME functionality trapped",
	[0x20] = "Instruction Abort from a lower Exception level",
	[0x21] = "Instruction Abort taken without a change in Exception level",
	[0x22] = "PC alignment fault",
	[0x24] = "Data Abort from a lower Exception level",
	[0x25] = "Data Abort taken without a change in Exception level",
	[0x26] = "SP alignment fault",
	[0x27] = "Memory Operation Exception (CPY* or SET*)",
	[0x28] = "Trapped floating-point exception from AArch32 state",
	[0x2c] = "Trapped floating-point exception from AArch64 state",
	[0x2d] = "Guarded Control Stack exception",
	[0x2f] = "SError exception",
	[0x30] = "Breakpoint exception from a lower Exception level",
	[0x31] = "Breakpoint exception taken without a change in Exception level",
	[0x32] = "Software Step exception from a lower Exception level",
	[0x33] = "Software Step exception taken without a change in Exception level",
	[0x34] = "Watchpoint exception from a lower Exception level",
	[0x35] = "Watchpoint exception taken without a change in Exception level",
	[0x38] = "BKPT instruction execution in AArch32 state",
	[0x3a] = "Vector Catch exception from AArch32 state",
	[0x3c] = "BRK instruction execution in AArch64 state",
	[0x3d] = "Profiling exception",
};

/* DFSC and IFSC, bits [5:0]. Levels -1 and -2 came with FEAT_LPA2 and FEAT_D128. */
static const struct {
	const char *text;
	enum sv_fault_kind kind;
} faults[64] = {
	[0x00] = {"Address size fault, level 0 of translation or translation table base",
		  SV_FAULT_ADDRESS_SIZE},
	[0x01] = {"Address size fault, level 1", SV_FAULT_ADDRESS_SIZE},
	[0x02] = {"Address size fault, level 2", SV_FAULT_ADDRESS_SIZE},
	[0x03] = {"Address size fault, level 3", SV_FAULT_ADDRESS_SIZE},
	[0x04] = {"Translation fault, level 0", SV_FAULT_TRANSLATION},
	[0x05] = {"Translation fault, level 1", SV_FAULT_TRANSLATION},
	[0x06] = {"Translation fault, level 2", SV_FAULT_TRANSLATION},
	[0x07] = {"Translation fault, level 3", SV_FAULT_TRANSLATION},
	[0x08] = {"Access flag fault, level 0", SV_FAULT_ACCESS_FLAG},
	[0x09] = {"Access flag fault, level 1", SV_FAULT_ACCESS_FLAG},
	[0x0a] = {"Access flag fault, level 2", SV_FAULT_ACCESS_FLAG},
	[0x0b] = {"Access flag fault, level 3", SV_FAULT_ACCESS_FLAG},
	[0x0c] = {"Permission fault, level 0", SV_FAULT_PERMISSION},
	[0x0d] = {"Permission fault, level 1", SV_FAULT_PERMISSION},
	[0x0e] = {"Permission fault, level 2", SV_FAULT_PERMISSION},
	[0x0f] = {"Permission fault, level 3", SV_FAULT_PERMISSION},
	[0x10] = {"Synchronous External abort, not on translation table walk", SV_FAULT_EXTERNAL},
	[0x11] = {"Synchronous Tag Check Fault", SV_FAULT_TAG_CHECK},
	[0x12] = {"Synchronous External abort on translation table walk, level -2", SV_FAULT_EXTERNAL_WALK},
	[0x13] = {"Synchronous External abort on translation table walk, level -1", SV_FAULT_EXTERNAL_WALK},
	[0x14] = {"Synchronous External abort on translation table walk, level 0", SV_FAULT_EXTERNAL_WALK},
	[0x15] = {"Synchronous External abort on translation table walk, level 1", SV_FAULT_EXTERNAL_WALK},
	[0x16] = {"Synchronous External abort on translation table walk, level 2", SV_FAULT_EXTERNAL_WALK},
	[0x17] = {"Synchronous External abort on translation table walk, level 3", SV_FAULT_EXTERNAL_WALK},
	[0x18] = {"Synchronous parity or ECC error, not on translation table walk", SV_FAULT_PARITY},
	[0x1b] = {"Synchronous parity or ECC error on translation table walk, level -1",
		  SV_FAULT_PARITY_WALK},
	[0x1c] = {"Synchronous parity or ECC error on translation table walk, level 0", SV_FAULT_PARITY_WALK},
	[0x1d] = {"Synchronous parity or ECC error on translation table walk, level 1", SV_FAULT_PARITY_WALK},
	[0x1e] = {"Synchronous parity or ECC error on translation table walk, level 2", SV_FAULT_PARITY_WALK},
	[0x1f] = {"Synchronous parity or ECC error on translation table walk, level 3", SV_FAULT_PARITY_WALK},
	[0x21] = {"Alignment fault", SV_FAULT_ALIGNMENT},
	[0x22] = {"Granule Protection Fault on translation table walk, level -2", SV_FAULT_GRANULE},
	[0x23] = {"Granule Protection Fault on translation table walk, level -1", SV_FAULT_GRANULE},
	[0x24] = {"Granule Protection Fault on translation table walk, level 0", SV_FAULT_GRANULE},
	[0x25] = {"Granule Protection Fault on translation table walk, level 1", SV_FAULT_GRANULE},
	[0x26] = {"Granule Protection Fault on translation table walk, level 2", SV_FAULT_GRANULE},
	[0x27] = {"Granule Protection Fault on translation table walk, level 3", SV_FAULT_GRANULE},
	[0x28] = {"Granule Protection Fault, not on translation table walk", SV_FAULT_GRANULE},
	[0x29] = {"Address size fault, level -1", SV_FAULT_ADDRESS_SIZE},
	[0x2a] = {"Translation fault, level -2", SV_FAULT_TRANSLATION},
	[0x2b] = {"Translation fault, level -1", SV_FAULT_TRANSLATION},
	[0x2c] = {"Address size fault, level -2", SV_FAULT_ADDRESS_SIZE},
	[0x30] = {"TLB conflict abort", SV_FAULT_TLB_CONFLICT},
	[0x31] = {"Unsupported atomic hardware update fault", SV_FAULT_HARDWARE_UPDATE},
	[0x34] = {"IMPLEMENTATION DEFINED fault (Lockdown)", SV_FAULT_LOCKDOWN},
	[0x35] = {"IMPLEMENTATION DEFINED fault (Unsupported Exclusive or Atomic access)",
		  SV_FAULT_EXCLUSIVE},
	[0x3d] = {"Section Domain fault, from AArch32 tables", SV_FAULT_DOMAIN},
	[0x3e] = {"Page Domain fault, from AArch32 tables", SV_FAULT_DOMAIN},
};

static const char *const il[] = {"16-bit instruction trapped", "32-bit instruction trapped"};
static const char *const isv[] = {"No valid instruction syndrome: ISS[23:14] do not describe the access",
				  "ISS[23:14] hold a valid instruction syndrome"};
static const char *const sas[] = {"Byte", "Halfword", "Word", "Doubleword"};
static const char *const sse[] = {"Sign-extension not required", "Data item must be sign-extended"};
static const char *const sf[] = {"Instruction loads or stores a 32-bit register",
				 "Instruction loads or stores a 64-bit register"};
static const char *const fnp[] = {
	"The FAR holds the faulting virtual address",
	"The FAR holds any virtual address in the naturally-aligned granule that faulted"};
static const char *const ar[] = {"No acquire/release semantics", "Acquire/release semantics"};
static const char *const pfv[] = {"PFAR is UNKNOWN", "PFAR holds the faulting physical address"};
static const char *const vncr[] = {"Not an access by way of VNCR_EL2", "An access by way of VNCR_EL2"};
static const char *const set[] = {"Recoverable state (UER)", reserved, "Uncontainable (UC)",
				  "Restartable state (UEO)"};
static const char *const lst[] = {"Instruction not specified", "ST64BV", "LD64B or ST64B", "ST64BV0"};
static const char *const fnv[] = {"FAR is valid", "FAR is not valid: it holds an UNKNOWN value"};
static const char *const ea[] = {"External abort type: IMPLEMENTATION DEFINED, 0",
				 "External abort type: IMPLEMENTATION DEFINED, 1"};
static const char *const cm[] = {"Not caused by a cache maintenance or address translation instruction",
				 "Caused by a cache maintenance or address translation instruction"};
static const char *const s1ptw[] = {"Not a stage 2 fault on an access for a stage 1 table walk",
				    "A stage 2 fault on an access made for a stage 1 table walk"};
static const char *const wnr[] = {"Caused by an instruction that reads",
				  "Caused by an instruction that writes"};
static const char *const ids[] = {"ISS[23:0] hold the fields of this format",
				  "ISS[23:0] hold IMPLEMENTATION DEFINED syndrome information"};
static const char *const iesb[] = {
	"Not synchronized by implicit error synchronization, or not known",
	"Synchronized by the implicit error synchronization event and taken at once"};
static const char *const aet[] = {"Uncontainable (UC)",
				  "Unrecoverable state (UEU)",
				  "Restartable state (UEO)",
				  "Recoverable state (UER)",
				  reserved,
				  reserved,
				  "Corrected (CE)",
				  reserved};
static const char *const yes[] = {"No", "Yes"};
static const char *const ldst64b[] = {"ST64BV trapped", "ST64BV0 trapped", "LD64B or ST64B trapped",
				      "ACCDATA_EL1 access trapped"};

/* When a field has a meaning. */
enum when {
	ALWAYS,
	ISV,
	NO_ISV,
	EXTERNAL,      /* FSC is a synchronous External abort, on a walk or not */
	EXTERNAL_DATA, /* FSC 0x10 only */
	STAGE_FAULT,   /* translation, access flag or permission fault: where FEAT_LS64 puts LST */
	IDS_CLEAR,
	NONZERO,   /* ISS2 of features that are seldom there: silent while zero */
	SERROR_RAS /* IDS clear and DFSC says asynchronous SError */
};

enum kind { NUMBER, TEXTS, CLASS, FAULT, SERROR_STATUS };

struct row {
	const char *name;
	uint8_t high, low;
	uint8_t when, kind;
	uint8_t count;
	const char *const *texts;
};

#define PLAIN(name, high, low, when)                   \
	{                                              \
		name, high, low, when, NUMBER, 0, NULL \
	}
#define WORDS(name, high, low, when, texts)                       \
	{                                                         \
		name, high, low, when, TEXTS, COUNT(texts), texts \
	}

static const struct row data_abort[] = {
	WORDS("TnD", 42, 42, NONZERO, yes),
	WORDS("TagAccess", 41, 41, NONZERO, yes),
	WORDS("GCS", 40, 40, NONZERO, yes),
	WORDS("AssuredOnly", 39, 39, NONZERO, yes),
	WORDS("Overlay", 38, 38, NONZERO, yes),
	WORDS("DirtyBit", 37, 37, NONZERO, yes),
	PLAIN("Xs", 36, 32, NONZERO),
	{"EC", 31, 26, ALWAYS, CLASS, 0, NULL},
	WORDS("IL", 25, 25, ALWAYS, il),
	WORDS("ISV", 24, 24, ALWAYS, isv),
	WORDS("SAS", 23, 22, ISV, sas),
	WORDS("SSE", 21, 21, ISV, sse),
	PLAIN("SRT", 20, 16, ISV),
	WORDS("SF", 15, 15, ISV, sf),
	WORDS("FnP", 15, 15, NO_ISV, fnp),
	WORDS("AR", 14, 14, ISV, ar),
	WORDS("PFV", 14, 14, EXTERNAL, pfv),
	WORDS("VNCR", 13, 13, ALWAYS, vncr),
	WORDS("SET", 12, 11, EXTERNAL_DATA, set),
	WORDS("LST", 12, 11, STAGE_FAULT, lst),
	WORDS("FnV", 10, 10, EXTERNAL_DATA, fnv),
	WORDS("EA", 9, 9, EXTERNAL, ea),
	WORDS("CM", 8, 8, ALWAYS, cm),
	WORDS("S1PTW", 7, 7, ALWAYS, s1ptw),
	WORDS("WnR", 6, 6, ALWAYS, wnr),
	{"DFSC", 5, 0, ALWAYS, FAULT, 0, NULL},
};

static const struct row instruction_abort[] = {
	{"EC", 31, 26, ALWAYS, CLASS, 0, NULL},   WORDS("IL", 25, 25, ALWAYS, il),
	WORDS("PFV", 14, 14, EXTERNAL, pfv),      WORDS("SET", 12, 11, EXTERNAL_DATA, set),
	WORDS("FnV", 10, 10, EXTERNAL_DATA, fnv), WORDS("EA", 9, 9, EXTERNAL, ea),
	WORDS("S1PTW", 7, 7, ALWAYS, s1ptw),      {"IFSC", 5, 0, ALWAYS, FAULT, 0, NULL},
};

static const struct row serror[] = {
	{"EC", 31, 26, ALWAYS, CLASS, 0, NULL},
	WORDS("IL", 25, 25, ALWAYS, il),
	WORDS("IDS", 24, 24, ALWAYS, ids),
	WORDS("IESB", 13, 13, SERROR_RAS, iesb),
	WORDS("AET", 12, 10, SERROR_RAS, aet),
	WORDS("EA", 9, 9, SERROR_RAS, ea),
	{"DFSC", 5, 0, IDS_CLEAR, SERROR_STATUS, 0, NULL},
};

static const struct row trapped_ldst64b[] = {
	{"EC", 31, 26, ALWAYS, CLASS, 0, NULL},
	WORDS("IL", 25, 25, ALWAYS, il),
	WORDS("ISS", 24, 0, ALWAYS, ldst64b),
};

static const struct row other[] = {
	PLAIN("ISS2", 55, 32, NONZERO),
	{"EC", 31, 26, ALWAYS, CLASS, 0, NULL},
	WORDS("IL", 25, 25, ALWAYS, il),
	PLAIN("ISS", 24, 0, ALWAYS),
};

static const struct row nisv[] = {
	WORDS("CM", 8, 8, ALWAYS, cm),
	WORDS("WnR", 6, 6, ALWAYS, wnr),
	{"DFSC", 5, 0, ALWAYS, FAULT, 0, NULL},
};

/* Which table an exception class has; those that are not here have the last. */
static const struct {
	uint8_t ec;
	uint8_t count;
	const struct row *rows;
} formats[] = {
	{SV_EC_LDST64B, COUNT(trapped_ldst64b), trapped_ldst64b},
	{SV_EC_INSTRUCTION_LOWER, COUNT(instruction_abort), instruction_abort},
	{SV_EC_INSTRUCTION, COUNT(instruction_abort), instruction_abort},
	{SV_EC_DATA_LOWER, COUNT(data_abort), data_abort},
	{SV_EC_DATA, COUNT(data_abort), data_abort},
	{SV_EC_SERROR, COUNT(serror), serror},
};

const char *sv_syndrome_class(unsigned ec)
{
	return ec < COUNT(classes) && classes[ec] ? classes[ec] : reserved;
}

const char *sv_syndrome_fault(unsigned fsc)
{
	return fsc < COUNT(faults) && faults[fsc].text ? faults[fsc].text : reserved;
}

enum sv_fault_kind sv_syndrome_fault_kind(unsigned fsc)
{
	return fsc < COUNT(faults) ? faults[fsc].kind : SV_FAULT_RESERVED;
}

static bool applies(enum when when, uint64_t esr, uint64_t value)
{
	enum sv_fault_kind fault = sv_syndrome_fault_kind(SV_FSC(esr));

	switch (when) {
	case ALWAYS:
		return true;
	case ISV:
		return esr & SV_ESR_ISV;
	case NO_ISV:
		return !(esr & SV_ESR_ISV);
	case EXTERNAL:
		return (fault == SV_FAULT_EXTERNAL || fault == SV_FAULT_EXTERNAL_WALK) && !(esr & SV_ESR_ISV);
	case EXTERNAL_DATA:
		return fault == SV_FAULT_EXTERNAL;
	case STAGE_FAULT:
		return fault == SV_FAULT_TRANSLATION || fault == SV_FAULT_ACCESS_FLAG ||
		       fault == SV_FAULT_PERMISSION;
	case IDS_CLEAR:
		return !(esr & SV_ESR_ISV); /* IDS is the same bit */
	case SERROR_RAS:
		return !(esr & SV_ESR_ISV) && SV_FSC(esr) == 0x11;
	case NONZERO:
		return value != 0;
	}
	return false;
}

static const char *meaning(const struct row *row, uint64_t value)
{
	switch (row->kind) {
	case TEXTS:
		return value < row->count ? row->texts[value] : reserved;
	case CLASS:
		return sv_syndrome_class((unsigned)value);
	case FAULT:
		return sv_syndrome_fault((unsigned)value);
	case SERROR_STATUS:
		return value == 0 ? "Uncategorized error" : value == 0x11 ? "Asynchronous SError" : reserved;
	}
	return "";
}

static uint64_t mask(unsigned high, unsigned low)
{
	return (UINT64_MAX >> (63 - high)) & ~(low ? UINT64_MAX >> (64 - low) : 0);
}

bool sv_syndrome_field(enum sv_syndrome kind, uint64_t syndrome, unsigned *cursor, struct sv_field *field)
{
	const struct row *rows = other;
	size_t count = COUNT(other);
	uint64_t left = syndrome;

	if (kind == SV_SYNDROME_NISV) {
		rows = nisv;
		count = COUNT(nisv);
	} else {
		for (size_t i = 0; i < COUNT(formats); i++) {
			if (formats[i].ec == SV_EC(syndrome)) {
				rows = formats[i].rows;
				count = formats[i].count;
			}
		}
	}
	for (size_t i = 0; i < count; i++) {
		uint64_t bits = mask(rows[i].high, rows[i].low), value = (syndrome & bits) >> rows[i].low;

		if (!applies(rows[i].when, syndrome, value))
			continue;
		left &= ~bits;
		if (i < *cursor)
			continue;
		*field = (struct sv_field){rows[i].name, rows[i].high, rows[i].low, value,
					   meaning(&rows[i], value)};
		*cursor = (unsigned)i + 1;
		return true;
	}
	if (!left || *cursor > count)
		return false;
	*field = (struct sv_field){"RES0", 63, 0, left,
				   "bits that mean nothing in this syndrome, yet are set"};
	*cursor = (unsigned)count + 1;
	return true;
}
