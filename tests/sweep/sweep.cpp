// SPDX-License-Identifier: BSD-2-Clause
// All 2^32 words through sv_decode and LLVM's disassembler. Words that both judge alike are counted; every other word must fall into one of
// the named differences below, or it is unexplained and the sweep fails.
//
// Words are counted by what LLVM calls the instruction, our row, and what each says of it, so the differences are judged
// on some thousands of groups and not on words. The state file makes an interrupted sweep go on where it was.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <mutex>
#include <regex>
#include <sstream>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include <llvm/Config/llvm-config.h>
#include <llvm/MC/MCAsmInfo.h>
#include <llvm/MC/MCContext.h>
#include <llvm/MC/MCDisassembler/MCDisassembler.h>
#include <llvm/MC/MCInst.h>
#include <llvm/MC/MCInstrInfo.h>
#include <llvm/MC/MCRegisterInfo.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/MCTargetOptions.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>

#include <salvage/insn.h>

#include "differences.h"

namespace
{
constexpr unsigned BLOCK_BITS = 20, BLOCKS = 1u << (32 - BLOCK_BITS);

struct Key {
	unsigned opcode; // LLVM's, 0 where it does not take the word
	int row;         // index in sv_rows, -1 where we do not
	bool soft, unpredictable;

	auto fields() const { return std::tie(opcode, row, soft, unpredictable); }
	bool operator<(const Key &other) const { return fields() < other.fields(); }
};

struct Count {
	uint64_t words = 0;
	uint32_t example = 0;
};

using Counts = std::map<Key, Count>;

void add(Counts &to, const Key &key, const Count &count)
{
	Count &here = to[key];

	if (!here.words)
		here.example = count.example;
	here.words += count.words;
}

class Oracle
{
      public:
	Oracle()
	{
		std::string error;

		triple = llvm::Triple("aarch64-linux-gnu");
		target = llvm::TargetRegistry::lookupTarget(triple, error);
		registers.reset(target->createMCRegInfo(triple));
		assembler.reset(target->createMCAsmInfo(*registers, triple, options));
		subtarget.reset(target->createMCSubtargetInfo(triple, "", "+all"));
		instructions.reset(target->createMCInstrInfo());
		context = std::make_unique<llvm::MCContext>(triple, assembler.get(), registers.get(), subtarget.get());
		disassembler.reset(target->createMCDisassembler(*subtarget, *context));
	}

	// LLVM's opcode, or 0.
	unsigned decode(uint32_t word, bool &soft) const
	{
		const uint8_t bytes[] = {(uint8_t)word, (uint8_t)(word >> 8), (uint8_t)(word >> 16), (uint8_t)(word >> 24)};
		llvm::MCInst inst;
		uint64_t size;
		auto status = disassembler->getInstruction(inst, size, bytes, 0, llvm::nulls());

		soft = status == llvm::MCDisassembler::SoftFail;
		return status == llvm::MCDisassembler::Fail ? 0 : inst.getOpcode();
	}

	std::string name(unsigned opcode) const { return opcode ? instructions->getName(opcode).str() : "-"; }

	bool accesses(unsigned opcode) const
	{
		return opcode && (instructions->get(opcode).mayLoad() || instructions->get(opcode).mayStore());
	}

      private:
	llvm::Triple triple;
	const llvm::Target *target;
	llvm::MCTargetOptions options;
	std::unique_ptr<llvm::MCRegisterInfo> registers;
	std::unique_ptr<llvm::MCAsmInfo> assembler;
	std::unique_ptr<llvm::MCSubtargetInfo> subtarget;
	std::unique_ptr<llvm::MCInstrInfo> instructions;
	std::unique_ptr<llvm::MCContext> context;
	std::unique_ptr<llvm::MCDisassembler> disassembler;
};

Counts sweep_block(const Oracle &oracle, const sv_row *rows, uint32_t block)
{
	Counts counts;
	Key last{};
	Count *here = nullptr; // neighbours are mostly alike

	for (uint32_t low = 0; low < 1u << BLOCK_BITS; low++) {
		uint32_t word = block << BLOCK_BITS | low;
		sv_insn insn{};
		Key key{};

		key.row = sv_decode(SV_A64, word, &insn) == SV_OK ? (int)(insn.row - rows) : -1;
		key.unpredictable = key.row >= 0 && insn.unpredictable;
		key.opcode = oracle.decode(word, key.soft);
		if (!here || key < last || last < key) {
			here = &counts[key];
			last = key;
			if (!here->words)
				here->example = word;
		}
		here->words++;
	}
	return counts;
}

// What the state file is good for: another table or another LLVM begins anew.
uint64_t fingerprint(const sv_row *rows, size_t count)
{
	uint64_t hash = 0xcbf29ce484222325;
	auto mix = [&hash](const void *data, size_t size) {
		for (size_t i = 0; i < size; i++)
			hash = (hash ^ ((const uint8_t *)data)[i]) * 0x100000001b3;
	};

	mix(LLVM_VERSION_STRING, strlen(LLVM_VERSION_STRING));
	mix(rows, count * sizeof(*rows));
	return hash;
}

class Sweep
{
      public:
	Sweep(const char *path, uint64_t fingerprint) : path(path), hash(fingerprint), done(BLOCKS) { load(); }

	void run(const sv_row *rows, unsigned threads)
	{
		std::vector<std::thread> pool;

		begun = saved = std::chrono::steady_clock::now();
		first = finished;
		for (unsigned i = 0; i < threads; i++)
			pool.emplace_back([this, rows] { work(rows); });
		for (auto &thread : pool)
			thread.join();
		save();
		fprintf(stderr, "\r%60s\r", "");
	}

	Counts counts;

      private:
	void work(const sv_row *rows)
	{
		Oracle oracle;

		for (uint32_t block; (block = next++) < BLOCKS;) {
			if (done[block])
				continue;
			Counts found = sweep_block(oracle, rows, block);
			std::lock_guard<std::mutex> lock(mutex);

			for (const auto &[key, count] : found)
				add(counts, key, count);
			done[block] = true;
			finished++;
			progress();
		}
	}

	void progress()
	{
		auto now = std::chrono::steady_clock::now();
		double seconds = std::chrono::duration<double>(now - begun).count();

		if (now - saved < std::chrono::seconds(2))
			return;
		saved = now;
		save();
		fprintf(stderr, "\r%5.1f%%, %.0f s left ", 100.0 * finished / BLOCKS,
			seconds * (BLOCKS - finished) / (finished - first));
	}

	void save()
	{
		std::string temporary = path + ".new";
		std::ofstream file(temporary);

		file << hash << '\n';
		for (bool block : done)
			file << block;
		file << '\n';
		for (const auto &[key, count] : counts)
			file << key.opcode << ' ' << key.row << ' ' << key.soft << ' ' << key.unpredictable << ' ' << count.words
			     << ' ' << count.example << '\n';
		file.close();
		if (file)
			rename(temporary.c_str(), path.c_str());
	}

	void load()
	{
		std::ifstream file(path);
		std::string blocks;
		uint64_t its = 0;
		Key key;
		Count count;

		if (!(file >> its >> blocks) || its != hash || blocks.size() != BLOCKS)
			return;
		for (unsigned i = 0; i < BLOCKS; i++)
			finished += done[i] = blocks[i] == '1';
		while (file >> key.opcode >> key.row >> key.soft >> key.unpredictable >> count.words >> count.example)
			counts[key] = count;
	}

	std::string path;
	uint64_t hash;
	std::vector<bool> done;
	std::atomic<uint32_t> next{0};
	unsigned finished = 0, first = 0;
	std::mutex mutex;
	std::chrono::steady_clock::time_point begun, saved;
};

// The difference that explains a group of words, or NULL.
const Difference *explain(const Oracle &oracle, const sv_row *rows, const Key &key, uint32_t word)
{
	const sv_row *row = key.row < 0 ? nullptr : &rows[key.row];
	// LLVM does not say of all its loads and stores that they are; the encodings of most do (DDI 0487, C4.1, "Loads and Stores").
	bool access = oracle.accesses(key.opcode) || (word & 0x0a000000) == 0x08000000;
	std::string llvm = oracle.name(key.opcode), ours = row ? sv_row_name(row) : "-";
	Kind kind = !row                ? (access ? Kind::LLVM_ACCESS : Kind::LLVM_ALONE)
		    : !key.opcode       ? Kind::SALVAGE_ALONE
		    : key.unpredictable ? Kind::SALVAGE_UNPREDICTABLE
					: Kind::LLVM_SOFT;

	for (const Difference &difference : differences)
		if (difference.kind == kind && std::regex_match(llvm, std::regex(difference.llvm)) &&
		    std::regex_match(ours, std::regex(difference.salvage)))
			return &difference;
	return nullptr;
}
} // namespace

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: sweep STATE [THREADS]\n");
		return 2;
	}
	llvm::InitializeAllTargetInfos();
	llvm::InitializeAllTargetMCs();
	llvm::InitializeAllDisassemblers();

	size_t row_count;
	const sv_row *rows = sv_rows(SV_A64, &row_count);
	unsigned threads = argc > 2 ? (unsigned)atoi(argv[2]) : std::max(1u, std::thread::hardware_concurrency());
	Sweep sweep(argv[1], fingerprint(rows, row_count));

	sweep.run(rows, threads);

	Oracle oracle;
	uint64_t alike = 0, neither = 0, soft = 0, unexplained = 0, total = 0;
	std::map<const Difference *, uint64_t> found;
	std::vector<uint64_t> taken(row_count), shared(row_count);

	for (const auto &[key, count] : sweep.counts) {
		total += count.words;
		if (key.row >= 0) {
			taken[key.row] += count.words;
			shared[key.row] += key.opcode ? count.words : 0;
		}
		if (!key.opcode && key.row < 0) {
			neither += count.words;
		} else if (key.opcode && key.row >= 0 && key.soft == key.unpredictable) {
			(key.soft ? soft : alike) += count.words;
		} else if (const Difference *difference = explain(oracle, rows, key, count.example)) {
			found[difference] += count.words;
		} else {
			unexplained += count.words;
			printf("unexplained: %llu words, e.g. %08x: LLVM %s%s, salvage %s%s\n", (unsigned long long)count.words,
			       count.example, oracle.name(key.opcode).c_str(), key.soft ? " (soft)" : "",
			       key.row < 0 ? "-" : sv_row_name(&rows[key.row]), key.unpredictable ? " (unpredictable)" : "");
		}
	}
	printf("LLVM %s, +all; %zu rows\n\n| words | |\n|---:|---|\n", LLVM_VERSION_STRING, row_count);
	printf("| %llu | taken by both |\n", (unsigned long long)alike);
	printf("| %llu | taken by both, CONSTRAINED UNPREDICTABLE to both (LLVM: soft fail) |\n", (unsigned long long)soft);
	printf("| %llu | taken by neither |\n", (unsigned long long)neither);
	for (const Difference &difference : differences)
		if (found.count(&difference))
			printf("| %llu | %s |\n", (unsigned long long)found[&difference], difference.text);
	printf("| %llu | unexplained |\n", (unsigned long long)unexplained);
	std::ofstream by_row(std::string(argv[1]) + ".rows"); // for isa/coverage.py

	for (size_t i = 0; i < row_count; i++) {
		by_row << sv_row_name(&rows[i]) << '\t' << shared[i] << '\n';
		if (!taken[i]) {
			printf("row %s has no word\n", sv_row_name(&rows[i]));
			unexplained++;
		}
	}
	for (const Difference &difference : differences)
		if (!found.count(&difference)) {
			printf("no word shows the difference \"%s\": it is explained no longer\n", difference.text);
			unexplained++;
		}
	if (total != UINT64_C(1) << 32) {
		printf("%llu words were swept, not 2^32: remove %s\n", (unsigned long long)total, argv[1]);
		unexplained++;
	}
	return unexplained != 0;
}
