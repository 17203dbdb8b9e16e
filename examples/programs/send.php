<?php
// Enqueues one product, twice with the same key, then a batch, and looks up what became of the first.
//   ANDON_URL=http://127.0.0.1:3000 ANDON_KEY=id.secret php send.php CHANNEL ORDER-OF-YOURS
declare(strict_types=1);

/** One call. Sent again when the answer is lost or says "later": with its key it counts once. */
function andon(string $method, string $path, ?array $body = null, ?string $key = null, int $tries = 5): array
{
    $url = (getenv('ANDON_URL') ?: 'http://127.0.0.1:3000') . $path;
    $headers = ['Authorization: Bearer ' . getenv('ANDON_KEY'), 'Content-Type: application/json'];
    if ($key !== null) {
        $headers[] = "Idempotency-Key: $key";
    }
    $context = stream_context_create(['http' => [
        'method' => $method,
        'header' => $headers,
        'content' => $body === null ? '' : json_encode($body, JSON_THROW_ON_ERROR),
        'timeout' => 30,
        'ignore_errors' => true, // the body of a refusal says what is wrong
        'follow_location' => 0,
    ]]);
    for ($attempt = 1; ; $attempt++) {
        $http_response_header = [];
        $text = @file_get_contents($url, false, $context);
        $status = (int) (explode(' ', $http_response_header[0] ?? '')[1] ?? 0);
        if ($status >= 200 && $status < 300 && $text !== false) {
            return json_decode($text, true, 512, JSON_THROW_ON_ERROR);
        }
        $lost = $status === 0 && ($key !== null || $method === 'GET');
        if ($attempt === $tries || !($lost || $status === 429 || $status === 503)) {
            $problem = json_decode((string) $text, true) ?? [];
            throw new RuntimeException("$status " . ($problem['type'] ?? '') . ': ' . ($problem['detail'] ?? 'no answer'));
        }
        $asked = preg_grep('/^retry-after:/i', $http_response_header);
        $wait = $asked ? (float) trim(explode(':', current($asked))[1]) : 2 ** ($attempt - 1) / 2;
        usleep((int) ($wait * 1_000_000));
    }
}

if ($argc !== 3) {
    fwrite(STDERR, "usage: ANDON_KEY=id.secret php $argv[0] CHANNEL ORDER-OF-YOURS\n");
    exit(2);
}
[, $channel, $run] = $argv;

// The key says what this is about: the same key enqueues once, from wherever it is sent.
$product = [
    'instruction' => 'add_product',
    'channel' => $channel,
    'data' => ['sku' => 'TSH-RED-M', 'title' => 'Red T-shirt'],
];
$item = andon('POST', '/v1/items', $product, "$run-product");
echo "enqueued {$item['queueId']}\n";
echo 'again: ', andon('POST', '/v1/items', $product, "$run-product")['queueId'], "\n";

// All or nothing, in this order, with nothing of anybody else's between.
$batch = ['items' => [
    ['instruction' => 'update_product', 'channel' => $channel, 'data' => ['sku' => 'TSH-RED-M', 'price' => '149.00']],
    ['instruction' => 'add_image', 'channel' => $channel,
     'data' => ['sku' => 'TSH-RED-M', 'src' => 'https://img.example.com/m.jpg']],
]];
$accepted = andon('POST', '/v1/items/batch', $batch, "$run-batch");
echo 'batch: ', implode(' ', array_column($accepted['items'], 'queueId')), "\n";

echo 'state: ', andon('GET', "/v1/items/{$item['queueId']}")['state'], "\n";
