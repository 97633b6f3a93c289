// Enqueues five tasks under the identity given as the argument: Enqueue.java ID
import java.math.BigInteger;
import java.util.Base64;
import org.msgpack.core.MessagePack;
import software.amazon.awssdk.services.sqs.SqsClient;

class Enqueue {
    public static void main(String[] args) throws Exception {
        try (var p = MessagePack.newDefaultBufferPacker(); var sqs = SqsClient.create()) {
            p.packMapHeader(3);
            p.packString("f").packString("exec"); // the handler
            p.packString("id").packString(args[0]); // where the results will be: R#~<id>
            p.packString("t").packArrayHeader(5); // an argument per task

            p.packString("żółw, 日本, 𝄞");

            p.packArrayHeader(3).packDouble(0.1).packDouble(-2.5).packDouble(1e300);

            var maxUint64 = BigInteger.TWO.pow(64).subtract(BigInteger.ONE);
            p.packArrayHeader(3).packLong(9007199254740993L).packLong(Long.MIN_VALUE).packBigInteger(maxUint64);

            p.packMapHeader(1).packString("option").packMapHeader(4);
            p.packString("type").packString("put");
            p.packString("strikes").packArrayHeader(2).packInt(95).packDouble(100.5);
            p.packString("note").packNil();
            p.packString("american").packBoolean(true);

            p.packBinaryHeader(4).writePayload(new byte[] {0x00, 0x01, (byte) 0xfe, (byte) 0xff});

            var body = Base64.getEncoder().encodeToString(p.toByteArray());
            sqs.sendMessage(m -> m.queueUrl(System.getenv("STARBURST_QUEUE_URL")).messageBody(body));
            System.out.println(args[0]);
        }
    }
}
