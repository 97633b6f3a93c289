/* Prices a European call option by simulation and prints JSON: the price, its standard
 * error, and the exact price by Black and Scholes to hold it against.
 *
 *     price SPOT STRIKE VOLATILITY YEARS RATE PATHS SEED
 *
 * It knows nothing of Starburst: a program, its arguments, its standard output. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* splitmix64: streams of different seeds are independent enough for this. */
static uint64_t state;

static double uniform(void) {
	uint64_t z = (state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	z ^= z >> 31;
	return ((double)(z >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(void) { return sqrt(-2 * log(uniform())) * cos(2 * acos(-1) * uniform()); }

static double cumulative(double x) { return 0.5 * erfc(-x / sqrt(2)); }

static double number(const char *text) {
	char *end;
	double x = strtod(text, &end);
	if (end == text || *end || !isfinite(x) || x < 0) {
		fprintf(stderr, "%s is not a number from 0 on\n", text);
		exit(65); /* for good: another attempt would read the same */
	}
	return x;
}

int main(int argc, char **argv) {
	if (argc != 8) {
		fprintf(stderr, "usage: price SPOT STRIKE VOLATILITY YEARS RATE PATHS SEED\n");
		return 65;
	}
	double spot = number(argv[1]), strike = number(argv[2]), vol = number(argv[3]), years = number(argv[4]), rate = number(argv[5]);
	long paths = (long)number(argv[6]);
	state = (uint64_t)number(argv[7]) * 0xd1342543de82ef95u + 42;

	double deviation = vol * sqrt(years), drift = (rate - vol * vol / 2) * years, discount = exp(-rate * years), sum = 0, squares = 0;
	for (long i = 0; i < paths; i++) {
		double end = spot * exp(drift + deviation * normal());
		double pays = end > strike ? discount * (end - strike) : 0;
		sum += pays;
		squares += pays * pays;
	}
	double mean = sum / paths, error = sqrt((squares / paths - mean * mean) / paths);
	double d = (log(spot / strike) + drift) / deviation;
	double exact = spot * cumulative(d + deviation) - strike * discount * cumulative(d);
	printf("{\"strike\":%g,\"years\":%g,\"price\":%.6f,\"error\":%.6f,\"exact\":%.6f}\n", strike, years, mean, error, exact);
	return 0;
}
