<?php
// The far side of an `http` connector or a webhook: checks the signature, then carries the item out.
//   ANDON_SECRET=whsec_… php -S 127.0.0.1:PORT receive.php
declare(strict_types=1);

const TOLERANCE_S = 300;

/** Standard Webhooks: several signatures may stand there while the secret is being changed. */
function isFromAndon(string $body, string $secret): bool
{
    $id = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
    $sentAt = $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
    if (!ctype_digit($sentAt) || abs(time() - (int) $sentAt) > TOLERANCE_S) {
        return false;
    }
    $key = base64_decode(substr($secret, strlen('whsec_')), true);
    $wanted = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$sentAt.$body", $key, true));
    foreach (explode(' ', $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '') as $given) {
        if (hash_equals($wanted, $given)) {
            return true;
        }
    }
    return false;
}

/** Your work. Answers a status and what is to be known of it. */
function carryOut(array $item): array
{
    if ($item['instruction'] === 'add_product' && empty($item['data']['title'])) {
        return [422, ['detail' => ($item['data']['sku'] ?? 'a product') . ' has no title']];
    }
    return [200, ['result' => ['sku' => $item['data']['sku'] ?? null]]];
}

function reply(int $status, array $answer): void
{
    http_response_code($status);
    header('Content-Type: ' . ($status >= 400 ? 'application/problem+json' : 'application/json'));
    echo json_encode($answer, JSON_THROW_ON_ERROR);
}

// As it came: a body that was decoded and encoded again has another signature.
$body = file_get_contents('php://input');
if (!isFromAndon($body, (string) getenv('ANDON_SECRET'))) {
    reply(401, ['detail' => 'the signature does not fit: is the secret the right one?']);
    return;
}

// The same item may come twice; what was done once is not done again. In real life this is a table
// beside what is stored, written in the same transaction.
$file = sys_get_temp_dir() . '/andon-' . hash('sha256', getenv('ANDON_SECRET') . $_SERVER['HTTP_WEBHOOK_ID']);
if (is_file($file)) {
    reply(200, json_decode(file_get_contents($file), true));
    return;
}
[$status, $answer] = carryOut(json_decode($body, true, 512, JSON_THROW_ON_ERROR));
if ($status < 300) {
    file_put_contents($file, json_encode($answer));
}
reply($status, $answer);
